import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  createPrivateFile,
  makePrivateDirectory,
  readPrivateFile,
  shredFile,
} from '../platform/crypto/private-file.js';
import { KeyringError } from './keys.errors.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const VERSION_FILE = /^([1-9]\d{0,8})\.json$/;
const KEK_FILE_BYTES_MAX = 16 * 1024;
const DESTROYED = 'destroyed';

const kekFile = z.strictObject({
  format: z.literal('chancery-kek'),
  v: z.literal(1),
  tenant: z.string(),
  version: z.int(),
  wrapped: z.base64().min(4),
});

/** Wrapped KEKs as files outside the database and its backups: `kek/<tenant>/<version>.json`. */
export class Keyring {
  readonly #directory: string;

  constructor(o: { directory: string }) {
    this.#directory = join(o.directory, 'kek');
  }

  /** Ascending; empty before the first. Throws when the tenant's keys were destroyed. */
  async versions(tenantId: string): Promise<number[]> {
    const names = await this.#list(tenantId);
    if (names.includes(DESTROYED)) throw new KeyringError(`The keys of tenant ${tenantId} were destroyed`);
    return names
      .flatMap((name) => VERSION_FILE.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  async read(tenantId: string, version: number): Promise<Buffer> {
    const path = this.#fileOf(tenantId, version);
    let content: Buffer;
    try {
      content = await readPrivateFile(path, KEK_FILE_BYTES_MAX);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new KeyringError(`The keyring holds no key ${version} of tenant ${tenantId}`);
    }
    const file = parse(content);
    if (file?.tenant !== tenantId || file.version !== version)
      throw new KeyringError(`${path} is damaged or misplaced`);
    return Buffer.from(file.wrapped, 'base64');
  }

  /** Stores a new version and gives what stands there now: another process's key when that one was first. */
  async create(tenantId: string, version: number, wrapped: Buffer): Promise<Buffer> {
    const file: z.infer<typeof kekFile> = {
      format: 'chancery-kek',
      v: 1,
      tenant: tenantId,
      version,
      wrapped: wrapped.toString('base64'),
    };
    const path = this.#fileOf(tenantId, version);
    await makePrivateDirectory(this.#directoryOf(tenantId));
    try {
      await createPrivateFile(path, Buffer.from(JSON.stringify(file, null, 2) + '\n'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    // A key made while the tenant's keys were being destroyed must not outlive them.
    if (await exists(join(this.#directoryOf(tenantId), DESTROYED))) await this.destroy(tenantId);
    return this.read(tenantId, version);
  }

  /** Crypto-shred: what these keys wrapped opens nowhere, no backup excepted, and no key is made for the tenant again. */
  async destroy(tenantId: string): Promise<void> {
    const directory = this.#directoryOf(tenantId);
    await makePrivateDirectory(directory);
    await createPrivateFile(join(directory, DESTROYED), Buffer.alloc(0)).catch(unlessCode('EEXIST'));
    // Half-written files of a crash hold wrapped keys as well.
    for (const name of await this.#list(tenantId)) {
      if (name !== DESTROYED) await shredFile(join(directory, name)).catch(unlessCode('ENOENT'));
    }
  }

  async #list(tenantId: string): Promise<string[]> {
    try {
      return await readdir(this.#directoryOf(tenantId));
    } catch (error) {
      unlessCode('ENOENT')(error as NodeJS.ErrnoException);
      return [];
    }
  }

  #directoryOf(tenantId: string): string {
    if (!UUID.test(tenantId)) throw new Error('The keyring files keys by the lower-case UUID of the tenant');
    return join(this.#directory, tenantId);
  }

  #fileOf(tenantId: string, version: number): string {
    const name = `${version}.json`;
    if (!VERSION_FILE.test(name)) throw new Error('A key version is a whole number from 1');
    return join(this.#directoryOf(tenantId), name);
  }
}

function parse(content: Buffer): z.infer<typeof kekFile> | undefined {
  try {
    return kekFile.parse(JSON.parse(content.toString('utf8')));
  } catch {
    return undefined;
  }
}

function unlessCode(code: string): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (error.code !== code) throw error;
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
