import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** The file that says which process has the folder. */
export const CLAIM = 'running';

/** One quickstart a folder: two of them would write each other's files. Returns what gives the claim back. */
export function claim(file: string): () => void {
  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST')
        throw new Error(`${file} cannot be written (${code}); choose another folder with --dir`, { cause: error });
    }
    const holder = readHolder(file);
    if (attempt > 0 || isAlive(holder)) throw inUse(file, holder);
    rmSync(file, { force: true }); // its process was killed
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
