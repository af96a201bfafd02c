import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Secret } from '../platform/crypto/secret.js';
import type { KeyProvider } from './key-provider.js';
import { vaultSealed } from './keys.errors.js';
import type { Keyring } from './keyring.js';

/** How long an unwrapped KEK stays cached. */
export const KEK_TTL_MS = 5 * 60_000;
/** How long a KEK in a caller's hands stays usable after it left the cache; the longest decision takes two seconds. */
export const KEK_GRACE_MS = 60_000;
const KEKS_MAX = 1_000;
const KEK_BYTES = 32;
const NEWEST = 'newest';

/** A tenant's key-encryption key. Do not keep it: ask again for each call; it is wiped on seal. */
export type Kek = { readonly tenantId: string; readonly version: number; readonly key: Secret };

/** The tenants' KEKs, unwrapped and cached for minutes, wiped when they leave the cache and on seal. */
export class TenantKeys {
  readonly #provider: KeyProvider;
  readonly #keyring: Keyring;
  readonly #random: (bytes: number) => Buffer;
  readonly #graceMs: number;
  readonly #cache: LRUCache<string, Kek>;
  readonly #loading = new Map<string, Promise<Kek>>();
  readonly #retired = new Map<Kek, NodeJS.Timeout>();
  #forgotten = 0;

  constructor(o: {
    provider: KeyProvider;
    keyring: Keyring;
    random?: (bytes: number) => Buffer;
    ttlMs?: number;
    graceMs?: number;
    max?: number;
  }) {
    this.#provider = o.provider;
    this.#keyring = o.keyring;
    this.#random = o.random ?? randomBytes;
    this.#graceMs = o.graceMs ?? KEK_GRACE_MS;
    this.#cache = new LRUCache({
      max: o.max ?? KEKS_MAX,
      ttl: o.ttlMs ?? KEK_TTL_MS,
      ttlAutopurge: true,
      dispose: (kek) => this.#retire(kek),
    });
  }

  isUnsealed(): boolean {
    return this.#provider.state() === 'unsealed';
  }

  /**
   * The newest KEK, made at first need; or the given version, which must exist. Throws `vault_sealed`, also when the
   * seal comes while the key is being unwrapped, and `KeyringError`.
   */
  async kek(tenantId: string, version?: number): Promise<Kek> {
    if (!this.isUnsealed()) throw vaultSealed();
    const name = `${tenantId}/${version ?? NEWEST}`;
    const cached = this.#cache.get(name);
    if (cached) return cached;
    const underWay = this.#loading.get(name);
    if (underWay) return underWay;
    const loading = this.#load(name, tenantId, version).finally(() => {
      if (this.#loading.get(name) === loading) this.#loading.delete(name);
    });
    this.#loading.set(name, loading);
    return loading;
  }

  /** Makes the next KEK version. Earlier ones stay for reading until every DEK was re-wrapped (`rewrapDek`). */
  async rotate(tenantId: string): Promise<Kek> {
    const { version } = await this.kek(tenantId);
    await this.#create(tenantId, version + 1);
    this.#cache.delete(`${tenantId}/${NEWEST}`);
    return this.kek(tenantId);
  }

  /** Crypto-shred of a tenant, here and on disk. */
  async destroy(tenantId: string): Promise<void> {
    await this.#keyring.destroy(tenantId);
    this.#forget((kek) => kek.tenantId === tenantId);
  }

  /** Wipes every key, those in callers' hands too. The vault calls it on seal. */
  forget(): void {
    this.#forget(() => true);
  }

  #forget(which: (kek: Kek) => boolean): void {
    this.#forgotten += 1;
    this.#loading.clear();
    // What is past its time is skipped by entries().
    this.#cache.purgeStale();
    const leaving = [...this.#cache.entries()].filter(([, kek]) => which(kek));
    for (const [name] of leaving) this.#cache.delete(name);
    for (const [kek, timer] of this.#retired) {
      if (!which(kek)) continue;
      clearTimeout(timer);
      this.#wipe(kek);
    }
  }

  async #load(name: string, tenantId: string, wanted: number | undefined): Promise<Kek> {
    const forgottenBefore = this.#forgotten;
    const stored = wanted ?? (await this.#keyring.versions(tenantId)).at(-1);
    const version = stored ?? 1;
    const wrapped = stored ? await this.#keyring.read(tenantId, stored) : await this.#create(tenantId, version);
    const key = await this.#provider.unwrapKek(tenantId, version, wrapped);
    if (this.#forgotten !== forgottenBefore) {
      // Keys were wiped while we waited; only what is read from now on counts.
      key.zero();
      if (!this.isUnsealed()) throw vaultSealed();
      return this.#load(name, tenantId, wanted);
    }
    const kek = { tenantId, version, key };
    this.#cache.set(name, kek);
    return kek;
  }

  async #create(tenantId: string, version: number): Promise<Buffer> {
    const fresh = new Secret(this.#random(KEK_BYTES));
    try {
      return await this.#keyring.create(tenantId, version, await this.#provider.wrapKek(tenantId, version, fresh));
    } finally {
      fresh.zero();
    }
  }

  #retire(kek: Kek): void {
    this.#retired.set(kek, setTimeout(() => this.#wipe(kek), this.#graceMs).unref());
  }

  #wipe(kek: Kek): void {
    this.#retired.delete(kek);
    kek.key.zero();
  }
}
