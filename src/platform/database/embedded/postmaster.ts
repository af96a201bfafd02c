import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;
const FAST_STOP_MS = 15_000;
/** After five seconds PostgreSQL itself kills what does not obey, and ends then. */
const IMMEDIATE_STOP_MS = 20_000;

/** What PostgreSQL writes into postmaster.pid: the first, second and eighth line. */
type PidFile = { pid: number; dataDir: string; ready: boolean };

export function readPidFile(dataDir: string): PidFile | undefined {
  try {
    const lines = readFileSync(path.join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), dataDir: lines[1] ?? '', ready: lines[7]?.trim() === 'ready' };
  } catch {
    return undefined;
  }
}

/**
 * Clears the way for a start. A server whose Node was killed lives on: it is stopped. One whose Node still lives is
 * in use, which is an error. A pid file whose process is gone, or is something else by now, is removed.
 */
export async function endOrphan(dataDir: string, ownerPid: number, log: (line: string) => void): Promise<void> {
  const file = readPidFile(dataDir);
  if (!file) return;
  if (!isServerOf(file, dataDir)) {
    rmSync(path.join(dataDir, 'postmaster.pid'), { force: true });
    return;
  }
  // The kernel hands an orphan to another parent, so a parent that is still the recorded owner is alive.
  if (parentOf(file.pid) === ownerPid) {
    throw new Error(`the database in ${dataDir} is in use by process ${ownerPid}; stop that one first`);
  }
  log(`stopping PostgreSQL ${file.pid}, left behind by a process that was killed`);
  await stopServer(file.pid);
}

/** Asks for a fast shutdown first, then an immediate one; both are safe for the data. */
export async function stopServer(pid: number): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
  ] as const) {
    if (!send(pid, signal)) return;
    for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(POLL_MS)) if (!send(pid, 0)) return;
  }
  throw new Error(`PostgreSQL ${pid} does not stop; end it by hand: kill -9 ${pid}`);
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return !isZombie(pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** A copied data directory brings the original's pid file along; the original must not be stopped for it. */
function isServerOf(file: PidFile, dataDir: string): boolean {
  const [program = '', ...args] = commandOf(file.pid);
  if (path.basename(program) !== 'postgres' || args[args.indexOf('-D') + 1] !== file.dataDir) return false;
  if (!existsSync(file.dataDir)) return true; // the checkout was moved while the server ran
  const [recorded, ours] = [statSync(file.dataDir), statSync(dataDir)];
  return recorded.dev === ours.dev && recorded.ino === ours.ino;
}

// /proc/<pid>/{cmdline,stat} are readable for everybody; `exe` and `cwd` are not, not even for root in a container.
function commandOf(pid: number): string[] {
  if (process.platform === 'linux') return read(`/proc/${pid}/cmdline`).split('\0');
  return ps(pid, 'command').split(' ');
}

function parentOf(pid: number): number {
  return Number(process.platform === 'linux' ? statFields(pid)[1] : ps(pid, 'ppid'));
}

/** In a container whose first process reaps nobody, a server that ended stays as a zombie and still takes signals. */
function isZombie(pid: number): boolean {
  return process.platform === 'linux' ? statFields(pid)[0] === 'Z' : ps(pid, 'state').startsWith('Z');
}

function statFields(pid: number): string[] {
  return read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function ps(pid: number, column: string): string {
  try {
    return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}
