import { hkdfSync, randomBytes } from 'node:crypto';
import { createPrivateFile, PrivateFileError, readPrivateFile } from './private-file.js';
import { Secret } from './secret.js';

const SECRET_BYTES = 32;
const INFO_PREFIX = 'chancery/platform-secret/v1/';
const ROLE_PASSWORD = /^role-password\/[a-z][a-z0-9_]{0,62}$/;
const FIXED_LABELS = [
  'nonce-mac',
  'api-key-mac',
  'idempotency-mac',
  'cursor-mac',
  'key-wrap',
  'totp-wrap',
  'webhook-wrap',
] as const;

/** Everything that may be derived, one label a purpose; two purposes never share key bytes. */
export type PlatformLabel = `role-password/${string}` | (typeof FIXED_LABELS)[number];

/** The deployment's own secret. It is outside the seal and opens no credential. */
export class PlatformSecret {
  readonly #secret: Secret;

  private constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** Refuses anything but exactly 32 bytes that only their owner may read. */
  static async fromFile(path: string): Promise<PlatformSecret> {
    const bytes = await readPrivateFile(path, SECRET_BYTES);
    if (bytes.length !== SECRET_BYTES) {
      throw new PrivateFileError(`${path} has ${bytes.length} bytes, the platform secret has exactly ${SECRET_BYTES}`);
    }
    return new PlatformSecret(new Secret(bytes));
  }

  /** Creates the file; throws EEXIST rather than replace a secret that role passwords already come from. */
  static async generateFile(path: string, random: (bytes: number) => Buffer = randomBytes): Promise<PlatformSecret> {
    const secret = new Secret(random(SECRET_BYTES));
    await createPrivateFile(path, secret.bytes);
    return new PlatformSecret(secret);
  }

  /** HKDF-SHA256 (RFC 5869), empty salt because the input is uniform, the label as info. */
  derive(label: PlatformLabel, bytes = 32): Buffer {
    if (!(FIXED_LABELS as readonly string[]).includes(label) && !ROLE_PASSWORD.test(label)) {
      throw new Error(`Nothing may be derived for the label ${JSON.stringify(label)}`);
    }
    return Buffer.from(hkdfSync('sha256', this.#secret.bytes, '', INFO_PREFIX + label, bytes));
  }
}
