import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import type { StoredProfile } from './profile.js';

export type ProfilesFile = { current: string | null; profiles: Record<string, StoredProfile> };

const FILE_BYTES_MAX = 1024 * 1024;

/** `${CHANCERY_HOME:-~/.chancery}/profiles.json`: readable by its owner only, replaced as a whole. */
export class ProfileStore {
  readonly #dir: string;
  readonly path: string;

  constructor(io: Io) {
    this.#dir = io.env.CHANCERY_HOME || join(io.homeDir, '.chancery');
    this.path = join(this.#dir, 'profiles.json');
  }

  async load(): Promise<ProfilesFile> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, profiles: {} };
      throw this.#broken('cannot be read');
    }
    if (text.length > FILE_BYTES_MAX) throw this.#broken('is too long');
    try {
      return asProfiles(JSON.parse(text));
    } catch {
      throw this.#broken('is not a profiles file');
    }
  }

  /** Reads, changes, writes: a crash leaves the old file or the new one, never half of one. */
  async update(change: (file: ProfilesFile) => void): Promise<void> {
    const file = await this.load();
    change(file);
    const temporary = `${this.path}.${randomBytes(6).toString('hex')}`;
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(`${JSON.stringify(file, null, 2)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, this.path);
    } catch {
      await rm(temporary, { force: true });
      throw this.#broken('cannot be written');
    }
  }

  #broken(what: string): CliError {
    return new CliError('profiles', `${this.path} ${what}`, 'repair or delete it, or set CHANCERY_HOME', EXIT.usage);
  }
}

function asProfiles(value: unknown): ProfilesFile {
  const { current, profiles } = value as Partial<ProfilesFile>;
  const isObject = (x: unknown): x is object => typeof x === 'object' && x !== null && !Array.isArray(x);
  if (!isObject(profiles) || !Object.values(profiles).every(isObject)) throw new Error('no profiles');
  return { current: typeof current === 'string' ? current : null, profiles };
}
