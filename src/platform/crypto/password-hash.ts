import { hash, verify } from '@node-rs/argon2';
import { type Argon2Cost, argon2idOptions } from './argon2.js';
import { Lane } from './lane.js';
import type { Secret } from './secret.js';

export const MEMBER_PASSWORD_COST: Argon2Cost = { memoryKib: 64 * 1024, passes: 3 };
const HASHES_AT_ONCE = 2;
const HASHES_WAITING_MAX = 32;
const RETRY_AFTER_SECONDS = 5;

/** Argon2id for members' passwords, off the event loop and a few at a time (`over_capacity` past that). */
export class PasswordHasher {
  readonly #lane = new Lane({
    running: HASHES_AT_ONCE,
    waiting: HASHES_WAITING_MAX,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });

  constructor(readonly cost: Argon2Cost = MEMBER_PASSWORD_COST) {}

  hash(password: Secret): Promise<string> {
    return this.#lane.run(() => hash(password.bytes, argon2idOptions(this.cost)));
  }

  /** Give null for a member that does not exist: it takes the same work and is false, so timing names nobody. */
  async verify(stored: string | null, password: Secret): Promise<boolean> {
    const matches = await this.#lane.run(() => verify(stored ?? this.#dummy(), password.bytes));
    return matches && stored !== null;
  }

  /** A well-formed hash at our cost that belongs to no password; made without hashing, so the first call is as fast. */
  #dummy(): string {
    const [salt, digest] = [16, 32].map((bytes) => Buffer.alloc(bytes, 0x5a).toString('base64').replace(/=+$/, ''));
    return `$argon2id$v=19$m=${this.cost.memoryKib},t=${this.cost.passes},p=1$${salt}$${digest}`;
  }
}
