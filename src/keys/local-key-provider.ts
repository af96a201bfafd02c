import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Argon2Cost } from '../platform/crypto/argon2.js';
import { Lane } from '../platform/crypto/lane.js';
import {
  createPrivateFile,
  makePrivateDirectory,
  readPrivateFile,
  replacePrivateFile,
} from '../platform/crypto/private-file.js';
import { Secret } from '../platform/crypto/secret.js';
import { aad, unwrap, wrap, WrapError } from '../platform/crypto/wrap.js';
import type { Admit, KeyProvider, VaultState } from './key-provider.js';
import {
  KeyringError,
  vaultAlreadyInitialized,
  vaultNotInitialized,
  vaultSealed,
  vaultSealedMeanwhile,
} from './keys.errors.js';
import { MASTER_PASSWORD_COST, openRootFile, ROOT_FILE_BYTES_MAX, ROOT_KEY_BYTES, writeRootFile } from './root-file.js';

const KEK_BYTES = 32;
const PASSWORDS_WAITING_MAX = 4;

/** Password mode: the root key lies on disk under the master password and is in memory only while unsealed (P7). */
export class LocalKeyProvider implements KeyProvider {
  readonly name = 'local';
  readonly #directory: string;
  readonly #file: string;
  readonly #cost: Argon2Cost;
  readonly #random: (bytes: number) => Buffer;
  // 256 MiB a guess: one at a time.
  readonly #lane = new Lane({ running: 1, waiting: PASSWORDS_WAITING_MAX, retryAfterSeconds: 5 });
  #root: Secret | null = null;
  #seals = 0;

  constructor(o: { directory: string; cost?: Argon2Cost; random?: (bytes: number) => Buffer }) {
    this.#directory = o.directory;
    this.#file = join(o.directory, 'root.json');
    this.#cost = o.cost ?? MASTER_PASSWORD_COST;
    this.#random = o.random ?? randomBytes;
  }

  state(): VaultState {
    if (this.#root) return 'unsealed';
    return existsSync(this.#file) ? 'sealed' : 'uninitialized';
  }

  async initialize(password: Secret, admit?: Admit): Promise<void> {
    const sealsBefore = this.#seals;
    await this.#lane.run(async () => {
      if (existsSync(this.#file)) throw vaultAlreadyInitialized();
      const root = new Secret(this.#random(ROOT_KEY_BYTES));
      try {
        await this.#create(root, password);
        // Nobody can have used it yet, so it may go again.
        await admit?.().catch((error: unknown) => unlink(this.#file).then(() => Promise.reject(error)));
      } catch (error) {
        root.zero();
        throw error;
      }
      this.#install(root, sealsBefore);
    });
  }

  async unseal(password: Secret, admit?: Admit): Promise<void> {
    // Counted before waiting: a seal at any moment after this call wins.
    const sealsBefore = this.#seals;
    await this.#lane.run(async () => {
      const root = await openRootFile(await this.#read(), password);
      try {
        await admit?.();
      } catch (error) {
        root.zero();
        throw error;
      }
      this.#install(root, sealsBefore);
    });
  }

  seal(): void {
    this.#seals += 1;
    this.#root?.zero();
    this.#root = null;
  }

  /** The root key stays, so no KEK and no credential is touched; works sealed and unsealed and changes neither. */
  async changePassword(current: Secret, next: Secret): Promise<void> {
    await this.#lane.run(async () => {
      const root = await openRootFile(await this.#read(), current);
      try {
        const content = await writeRootFile({ root, password: next, cost: this.#cost, random: this.#random });
        await replacePrivateFile(this.#file, content);
      } finally {
        root.zero();
      }
    });
  }

  async wrapKek(tenantId: string, version: number, kek: Secret): Promise<Buffer> {
    return wrap(this.#unsealedRoot(), kek, kekBoundTo(tenantId, version), this.#random);
  }

  async unwrapKek(tenantId: string, version: number, wrapped: Buffer): Promise<Secret> {
    try {
      return unwrap(this.#unsealedRoot(), wrapped, kekBoundTo(tenantId, version), KEK_BYTES);
    } catch (error) {
      if (!(error instanceof WrapError)) throw error;
      throw new KeyringError(`Key ${version} of tenant ${tenantId} does not open: it is damaged or of another keyring`);
    }
  }

  async #create(root: Secret, password: Secret): Promise<void> {
    const content = await writeRootFile({ root, password, cost: this.#cost, random: this.#random });
    await makePrivateDirectory(this.#directory);
    try {
      await createPrivateFile(this.#file, content);
    } catch (error) {
      // Another process was first; its key stands.
      throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? vaultAlreadyInitialized() : error;
    }
  }

  #install(root: Secret, sealsBefore: number): void {
    if (this.#seals !== sealsBefore) {
      root.zero();
      throw vaultSealedMeanwhile();
    }
    if (this.#root) root.zero();
    else this.#root = root;
  }

  #unsealedRoot(): Secret {
    if (!this.#root) throw vaultSealed();
    return this.#root;
  }

  async #read(): Promise<Buffer> {
    if (!existsSync(this.#file)) throw vaultNotInitialized();
    return readPrivateFile(this.#file, ROOT_FILE_BYTES_MAX);
  }
}

function kekBoundTo(tenantId: string, version: number): Buffer {
  return aad(['chancery/kek/v1', tenantId, String(version)]);
}
