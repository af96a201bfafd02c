import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** The file that says which process has the folder. */
export const CLAIM = 'running';
const LOCKED_MS_MAX = 5_000;
const LOOK_AGAIN_MS = 10;

/** One quickstart a folder: two of them would write each other's files. Returns what gives the claim back. */
export function claim(file: string, lockedMsMax = LOCKED_MS_MAX): () => void {
  const unlock = lock(`${file}.lock`, lockedMsMax);
  try {
    const holder = readHolder(file);
    if (isAlive(holder)) throw inUse(file, holder);
    write(file, 'w'); // whoever it named was killed
    return () => rmSync(file, { force: true });
  } finally {
    unlock();
  }
}

/** For the moment that it takes to look who has the folder and to take it: without it two could look, and then both take. */
function lock(file: string, lockedMsMax: number): () => void {
  const until = Date.now() + lockedMsMax;
  while (!write(file, 'wx')) {
    if (Date.now() > until)
      throw new Error(`another quickstart starts in this folder; if none does, delete ${file} and start again`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS);
  }
  return () => rmSync(file, { force: true });
}

/** False where there must not be such a file and there is one. */
function write(file: string, flag: 'w' | 'wx'): boolean {
  try {
    writeFileSync(file, `${process.pid}\n`, { flag, mode: 0o600 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new Error(`${file} cannot be written (${code}); choose another folder with --dir`, { cause: error });
  }
}

function inUse(file: string, holder: number): Error {
  return new Error(
    `a quickstart runs in this folder already, as process ${holder}: use that one, or end it with: kill ${holder}` +
      `\n(If process ${holder} is something else by now, delete ${file} and start again.)`,
  );
}

function readHolder(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

/** A process of somebody else cannot be signalled, but is there. */
function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
