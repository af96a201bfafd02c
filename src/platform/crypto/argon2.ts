import { hashRaw } from '@node-rs/argon2';
import { Secret } from './secret.js';

/** Cost of Argon2id (RFC 9106). One lane (p=1): the work is spread over requests, not over threads. */
export type Argon2Cost = { memoryKib: number; passes: number };

const ARGON2ID = 2;

/** The options the library wants for a cost; version 0x13 is its default. */
export function argon2idOptions(cost: Argon2Cost) {
  return { algorithm: ARGON2ID, memoryCost: cost.memoryKib, timeCost: cost.passes, parallelism: 1 };
}

/** A key of 32 bytes from a password. Runs on the thread pool, never on the event loop. */
export async function argon2idKey(password: Secret, salt: Buffer, cost: Argon2Cost): Promise<Secret> {
  return new Secret(await hashRaw(password.bytes, { ...argon2idOptions(cost), salt, outputLen: 32 }));
}
