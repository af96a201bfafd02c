import { z } from 'zod';
import { type Argon2Cost, argon2idKey } from '../platform/crypto/argon2.js';
import type { Secret } from '../platform/crypto/secret.js';
import { aad, unwrap, wrap, WrapError } from '../platform/crypto/wrap.js';
import { KeyringError, wrongPassword } from './keys.errors.js';

/** What the master password costs whoever guesses it: about a second and 256 MiB a guess. */
export const MASTER_PASSWORD_COST: Argon2Cost = { memoryKib: 256 * 1024, passes: 3 };
export const ROOT_FILE_BYTES_MAX = 4096;
export const ROOT_KEY_BYTES = 32;
const SALT_BYTES = 16;

// Bounds, not policy: a damaged file must not make us allocate without end.
const rootFile = z.strictObject({
  format: z.literal('chancery-root-key'),
  v: z.literal(1),
  kdf: z.strictObject({
    name: z.literal('argon2id'),
    memory_kib: z
      .int()
      .min(8)
      .max(2 * 1024 * 1024),
    passes: z.int().min(1).max(64),
    salt: z.base64().length(24),
  }),
  wrapped: z.base64().max(128),
});
type RootFile = z.infer<typeof rootFile>;

/** The content of `root.json`: the root key under a key that only the password gives. */
export async function writeRootFile(o: {
  root: Secret;
  password: Secret;
  cost: Argon2Cost;
  random: (bytes: number) => Buffer;
}): Promise<Buffer> {
  const salt = o.random(SALT_BYTES);
  const kdf: RootFile['kdf'] = {
    name: 'argon2id',
    memory_kib: o.cost.memoryKib,
    passes: o.cost.passes,
    salt: salt.toString('base64'),
  };
  const sealing = await argon2idKey(o.password, salt, o.cost);
  const wrapped = wrap(sealing, o.root, boundTo(kdf), o.random);
  sealing.zero();
  const file: RootFile = { format: 'chancery-root-key', v: 1, kdf, wrapped: wrapped.toString('base64') };
  return Buffer.from(JSON.stringify(file, null, 2) + '\n');
}

/** Throws `wrong_password` when it does not open, `KeyringError` when it is no such file. */
export async function openRootFile(content: Buffer, password: Secret): Promise<Secret> {
  const { kdf, wrapped } = parse(content);
  const cost = { memoryKib: kdf.memory_kib, passes: kdf.passes };
  const sealing = await argon2idKey(password, Buffer.from(kdf.salt, 'base64'), cost);
  try {
    return unwrap(sealing, Buffer.from(wrapped, 'base64'), boundTo(kdf), ROOT_KEY_BYTES);
  } catch (error) {
    throw error instanceof WrapError ? wrongPassword() : error;
  } finally {
    sealing.zero();
  }
}

function parse(content: Buffer): RootFile {
  let json: unknown;
  try {
    json = JSON.parse(content.toString('utf8'));
  } catch {
    json = undefined;
  }
  const parsed = rootFile.safeParse(json);
  if (!parsed.success)
    throw new KeyringError('root.json is damaged or of another version: restore it from your backup');
  return parsed.data;
}

function boundTo(kdf: RootFile['kdf']): Buffer {
  return aad(['chancery/root-key/v1', kdf.name, String(kdf.memory_kib), String(kdf.passes), kdf.salt]);
}
