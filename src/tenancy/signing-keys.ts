import { type KeyObject, sign } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { Secret } from '../platform/crypto/secret.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { type Act, Acts } from './acts.js';
import { newSealedKey, openSealedKey, type SealedKey } from './signing-key-seed.js';
import {
  insertSigningKey,
  type KeyPurpose,
  listLiveSigningKeys,
  listSigningKeys,
  retireSigningKeys,
  type SigningKeyRow,
} from './signing-keys.repository.js';

export type { KeyPurpose } from './signing-keys.repository.js';

/** How long a node may not know of another node's rotation. An overlap must be longer. */
export const SIGNING_KEYS_CACHE_MS = 60_000;
/** An unknown kid makes a node look again, but no more often than this. */
const RELOAD_MS = 5_000;
const FIRST_KEY_ACTOR = 'system:signing-keys';

export interface PublishedKey {
  readonly kid: string;
  /** 32 bytes. */
  readonly publicKey: Buffer;
}

export interface ActiveKey extends PublishedKey {
  readonly privateKey: KeyObject;
  sign(data: Uint8Array): Uint8Array;
}

interface Ring {
  readonly loadedMs: number;
  readonly active: ActiveKey;
  readonly published: readonly PublishedKey[];
}

/**
 * The deployment's own Ed25519 keys, in rows of the platform tenant, wrapped under the platform secret. The first one is
 * made when it is needed; the platform chain's lock sees to it that two processes make one.
 */
@Injectable()
export class SigningKeys {
  readonly #wrapKey: Secret;
  readonly #rings = new Map<KeyPurpose, Promise<Ring>>();

  constructor(
    secret: PlatformSecret,
    private readonly database: TenantDatabase,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {
    this.#wrapKey = new Secret(secret.derive('key-wrap'));
  }

  /** The key that signs now. */
  async active(purpose: KeyPurpose): Promise<ActiveKey> {
    return (await this.#ring(purpose, SIGNING_KEYS_CACHE_MS)).active;
  }

  /** Every key whose signatures still count, the active one first. */
  async published(purpose: KeyPurpose): Promise<readonly PublishedKey[]> {
    return (await this.#ring(purpose, SIGNING_KEYS_CACHE_MS)).published;
  }

  /** Every key that ever signed, for evidence that outlives its key. */
  async ever(purpose: KeyPurpose): Promise<readonly PublishedKey[]> {
    const list = (tx: TenantTx): Promise<SigningKeyRow[]> => listSigningKeys(tx, purpose);
    return this.#authentic(await this.database.inTenant(PLATFORM_TENANT_ID, list, { readOnly: true })).map(published);
  }

  /** One of the published keys; an unknown kid may be another node's newest, so the rows are asked again. */
  async find(purpose: KeyPurpose, kid: string): Promise<PublishedKey | undefined> {
    const known = (await this.published(purpose)).find((key) => key.kid === kid);
    if (known !== undefined) return known;
    return (await this.#ring(purpose, RELOAD_MS)).published.find((key) => key.kid === kid);
  }

  /** A new key signs from now on; signatures by the old one count for `overlapMs` more. */
  async rotate(purpose: KeyPurpose, overlapMs: number, actor: string): Promise<PublishedKey> {
    if (overlapMs <= SIGNING_KEYS_CACHE_MS) throw new Error('an overlap outlasts what other nodes remember');
    const sealed = newSealedKey(purpose, this.#wrapKey);
    await this.acts.run(PLATFORM_TENANT_ID, async ({ tx, chain, nowMs }) => {
      const retired = await retireSigningKeys(tx, purpose, new Date(nowMs + overlapMs));
      await insertSigningKey(tx, { ...sealed, active: true, createdAt: new Date(nowMs) });
      const details = { purpose, kid: sealed.kid, retired, overlap_ms: overlapMs };
      await chain.append({ actor, action: 'signing_key.rotate', outcome: 'success', details });
    });
    this.#rings.delete(purpose);
    return { kid: sealed.kid, publicKey: sealed.publicKey };
  }

  async #ring(purpose: KeyPurpose, ageMaxMs: number): Promise<Ring> {
    const known = this.#rings.get(purpose);
    if (known !== undefined) {
      const ring = await known;
      if (this.clock.now() - ring.loadedMs < ageMaxMs) return ring;
    }
    // Another caller may have begun while we waited: one load serves all.
    const current = this.#rings.get(purpose);
    if (current !== undefined && current !== known) return current;
    const loading = this.#load(purpose);
    this.#rings.set(purpose, loading);
    loading.catch(() => {
      if (this.#rings.get(purpose) === loading) this.#rings.delete(purpose);
    });
    return loading;
  }

  async #load(purpose: KeyPurpose): Promise<Ring> {
    const loadedMs = this.clock.now();
    const read = { readOnly: true } as const;
    const stored = await this.database.inTenant(
      PLATFORM_TENANT_ID,
      (tx) => listLiveSigningKeys(tx, purpose, new Date(loadedMs)),
      read,
    );
    const rows = this.#authentic(stored.some((row) => row.active) ? stored : await this.#first(purpose));
    const active = rows.find((row) => row.active);
    if (active === undefined) throw new Error(`there is no active ${purpose} key`);
    const others = rows.filter((row) => row !== active);
    return { loadedMs, active: this.#open(active), published: [active, ...others].map(published) };
  }

  /** Rows whose seed opens under the platform secret: whoever can only write to the database adds no key to these. */
  #authentic(rows: readonly SigningKeyRow[]): SigningKeyRow[] {
    return rows.filter((row) => {
      try {
        openSealedKey(row, this.#wrapKey);
        return true;
      } catch {
        return false;
      }
    });
  }

  #first(purpose: KeyPurpose): Promise<SigningKeyRow[]> {
    const sealed = newSealedKey(purpose, this.#wrapKey);
    return this.acts.run(PLATFORM_TENANT_ID, async (act) => {
      const rows = await listLiveSigningKeys(act.tx, purpose, new Date(act.nowMs));
      if (rows.some((row) => row.active)) return rows;
      await this.#insertFirst(act, sealed);
      return listLiveSigningKeys(act.tx, purpose, new Date(act.nowMs));
    });
  }

  async #insertFirst({ tx, chain, nowMs }: Act, sealed: SealedKey): Promise<void> {
    await insertSigningKey(tx, { ...sealed, active: true, createdAt: new Date(nowMs) });
    const details = { purpose: sealed.purpose, kid: sealed.kid };
    await chain.append({ actor: FIRST_KEY_ACTOR, action: 'signing_key.create', outcome: 'success', details });
  }

  #open(row: SigningKeyRow): ActiveKey {
    const privateKey = openSealedKey(row, this.#wrapKey);
    return { ...published(row), privateKey, sign: (data) => sign(null, data, privateKey) };
  }
}

function published({ kid, publicKey }: SigningKeyRow): PublishedKey {
  return { kid, publicKey };
}
