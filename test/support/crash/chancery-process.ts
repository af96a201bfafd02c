import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = path.resolve(__dirname, '../../..');
const START_WITHIN_MS = 120_000;
const LINES_MAX = 10_000;

/** The built application, or its worker, as a process of its own. */
export class ChanceryProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** What it logged, oldest first. */
    readonly lines: readonly Record<string, unknown>[],
  ) {}

  /** Resolves when it logs `ready`. */
  static async start(
    program: 'main' | 'worker',
    env: Readonly<Record<string, string>>,
    ready: string,
  ): Promise<ChanceryProcess> {
    const child = spawn(process.execPath, [path.join(ROOT, `dist/${program}.js`)], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const lines: Record<string, unknown>[] = [];
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${program} is not ready in time`)), START_WITHIN_MS);
      child.once('error', reject).once('close', (code) => reject(new Error(`${program} ended (${code}): ${said}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (lines.length === LINES_MAX) lines.shift();
        const logged = JSON.parse(line) as Record<string, unknown>;
        lines.push(logged);
        if (logged.msg !== ready) return;
        clearTimeout(timer);
        resolve();
      });
    });
    return new ChanceryProcess(child, lines);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The kernel ends it between two instructions; it is gone when this resolves. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    await gone;
  }
}
