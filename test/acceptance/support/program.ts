import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(__dirname, '../../..');
export const QUICKSTART = [process.execPath, path.join(ROOT, 'dist/quickstart/main.js')] as const;

/** Patience, no promise; also how long a server may stay that a test starts and ends. */
const PROGRAM_MS = 240_000;
const STACK_TRACE = /^\s+at .+[:(].*\d+:\d+\)?$/m;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What comes on stdin; nothing by default. */
  readonly input?: string | Buffer;
  readonly uid?: number;
  readonly gid?: number;
}

/** A program as somebody's shell starts it: with a small environment of its own, and nobody at the keyboard. */
export function launch([command = '', ...args]: readonly string[], options: RunOptions = {}): ChildProcess {
  const { cwd = ROOT, env = {}, input, ...user } = options;
  const child = spawn(command, args, {
    cwd,
    ...user,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      TMPDIR: process.env['TMPDIR'],
      HOME: options.cwd ?? process.env['TMPDIR'],
      LANG: 'C.UTF-8',
      ...env,
    },
  });
  child.stdin?.on('error', () => undefined); // it may end without reading
  child.stdin?.end(input);
  return child;
}

/** Runs it to its end. Whatever it did, no program of ours shows where in its source it failed. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const outcome = await outcomeOf(launch(command, options));
  expect(`${outcome.stdout}${outcome.stderr}`).not.toMatch(STACK_TRACE);
  return outcome;
}

export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  }
  const late = setTimeout(() => child.kill('SIGKILL'), PROGRAM_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve).once('error', reject);
  });
  clearTimeout(late);
  return { code, ...said };
}

/** A zombie is dead: it only waits for whoever inherited it to ask how it ended. */
export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false; // also when it went between the two
  }
}
