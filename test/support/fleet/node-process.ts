import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Surface } from '../../../src/platform/http/surface.js';

const ROOT = path.resolve(__dirname, '../../..');
const START_WITHIN_MS = 120_000;

/** One node as a process of its own: what a signal does to it, it does to nobody else. */
export class NodeProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly at: Readonly<Record<Surface, string>>,
    /** What it logged. */
    readonly lines: readonly Record<string, unknown>[],
    /** What it said beside its log. */
    readonly said: () => string,
  ) {}

  static async start(env: Readonly<Record<string, string>>, nodeFlags: readonly string[] = []): Promise<NodeProcess> {
    const child = spawn(process.execPath, [...nodeFlags, path.join(ROOT, 'dist/main.js')], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const lines: Record<string, unknown>[] = [];
    const at = await new Promise<Record<Surface, string>>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the node does not listen: ${said}`)), START_WITHIN_MS);
      child.once('error', reject).once('close', (code) => reject(new Error(`the node ended (${code}): ${said}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const logged = JSON.parse(line) as Record<string, unknown>;
        lines.push(logged);
        if (logged.msg !== 'listening') return;
        clearTimeout(timer);
        resolve(logged as Record<Surface, string>);
      });
    });
    return new NodeProcess(child, at, lines, () => said);
  }

  /** Stopped between two instructions, as by an operating system that has better things to do. */
  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    if (signal === 'SIGTERM') this.resume();
    await gone;
  }
}
