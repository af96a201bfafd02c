import { randomBytes } from 'node:crypto';
import { open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateDirectory, syncDirectory } from '../platform/crypto/private-file.js';
import { tooManyAttempts } from '../tenancy/tenancy.errors.js';

export const ATTEMPTS_MAX = 5;
export const ATTEMPTS_WINDOW_MS = 5 * 60_000;
const NAME = /^(\d{13,16})-[0-9a-f]{16}$/;

/**
 * Wrong master passwords, one empty file each, named by its time. On disk, so that no restart forgets them; a file each,
 * so that processes that share the keyring lose no count and need no lock.
 */
export class PasswordAttempts {
  readonly #directory: string;
  readonly #now: () => number;

  constructor(o: { directory: string; now: () => number }) {
    this.#directory = join(o.directory, 'attempts');
    this.#now = o.now;
  }

  /**
   * Counts an attempt before it is made, so that killing the process half-way is no free guess. Give back what it
   * returns to `release` when the password was not what failed. Throws `too_many_attempts`.
   */
  async charge(): Promise<string> {
    await makePrivateDirectory(this.#directory);
    await this.#refusePast(ATTEMPTS_MAX);
    const name = `${String(this.#now()).padStart(13, '0')}-${randomBytes(8).toString('hex')}`;
    await (await open(join(this.#directory, name), 'wx', 0o600)).close();
    await syncDirectory(this.#directory);
    try {
      // Others may have counted since we looked. Ours is among them now.
      await this.#refusePast(ATTEMPTS_MAX + 1);
    } catch (error) {
      await this.release(name);
      throw error;
    }
    return name;
  }

  async release(name: string): Promise<void> {
    await this.#remove([name]);
  }

  /** The right password was given. */
  async clear(): Promise<void> {
    await this.#remove((await readdir(this.#directory)).filter((name) => NAME.test(name)));
  }

  async #refusePast(count: number): Promise<void> {
    const now = this.#now();
    const names = (await readdir(this.#directory)).filter((name) => NAME.test(name)).sort();
    // A clock that was set back must lock nobody out for longer than the window.
    const recent = names.filter((name) => Math.abs(now - timeOf(name)) < ATTEMPTS_WINDOW_MS);
    if (recent.length >= count) {
      const freed = timeOf(recent.at(-ATTEMPTS_MAX)!) + ATTEMPTS_WINDOW_MS;
      throw tooManyAttempts(Math.max(1, Math.ceil((freed - now) / 1000)));
    }
    await this.#remove(names.filter((name) => !recent.includes(name)));
  }

  async #remove(names: string[]): Promise<void> {
    for (const name of names) {
      await unlink(join(this.#directory, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
    await syncDirectory(this.#directory);
  }
}

function timeOf(name: string): number {
  return Number(NAME.exec(name)![1]);
}
