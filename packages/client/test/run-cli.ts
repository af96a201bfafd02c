import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from '../src/cli/run.js';

export type Ran = { code: number; stdout: string; stderr: string; json: () => Record<string, unknown> };
export type RunOptions = {
  env?: Record<string, string>;
  /** Piped stdin. */
  stdin?: string | Buffer;
  /** What a person types, line by line: makes stdin a terminal. */
  typed?: string[];
  now?: () => Date;
  slept?: number[];
  packageDir?: string;
  /** Aborts when the test says so; for `proxy`. */
  interrupted?: AbortSignal;
  columns?: number;
  onOutput?: (stdout: string) => void;
};

/** A home, a working directory and an environment of their own. */
export class Sandbox {
  readonly dir = mkdtempSync(join(tmpdir(), 'chancery-cli-'));
  readonly home = join(this.dir, 'home');
  readonly cwd = join(this.dir, 'work', 'below');

  constructor() {
    mkdirSync(this.cwd, { recursive: true });
  }

  quickstart(file: unknown, mode = 0o600): string {
    const folder = join(this.dir, 'work', '.chancery');
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'quickstart.json');
    writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file), { mode });
    return path;
  }

  async run(argv: string[], options: RunOptions = {}): Promise<Ran> {
    const stdin = Object.assign(new PassThrough(), { isTTY: options.typed !== undefined, setRawMode: () => undefined });
    if (options.typed) for (const line of options.typed) stdin.write(`${line}\r`);
    else stdin.end(options.stdin ?? '');
    const [stdout, stderr] = [new Capture(options.onOutput), new Capture()];
    if (options.columns) Object.assign(stdout, { isTTY: true, columns: options.columns });
    const code = await run(argv, {
      stdin,
      stdout,
      stderr,
      env: { CHANCERY_HOME: this.home, ...options.env },
      cwd: this.cwd,
      homeDir: this.dir,
      packageDir: options.packageDir ?? this.dir,
      now: options.now ?? (() => new Date()),
      sleep: async (ms) => void options.slept?.push(ms),
      interrupted: options.interrupted ?? AbortSignal.abort(),
      onInterrupt: () => undefined,
    });
    const json = () => JSON.parse(stdout.text) as Record<string, unknown>;
    return { code, stdout: stdout.text, stderr: stderr.text, json };
  }
}

class Capture extends PassThrough {
  text = '';

  constructor(onOutput?: (text: string) => void) {
    super();
    this.on('data', (chunk: Buffer) => onOutput?.((this.text += chunk.toString('utf8'))));
    if (!onOutput) this.on('data', (chunk: Buffer) => (this.text += chunk.toString('utf8')));
  }
}
