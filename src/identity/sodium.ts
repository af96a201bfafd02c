import { createRequire } from 'node:module';

/** What of libsodium is used here. https://doc.libsodium.org/public-key_cryptography/public-key_signatures */
interface Sodium {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

/** Null where it brings no binary for this platform; OpenSSL is everywhere. */
export const sodium: Sodium | null = load();

function load(): Sodium | null {
  try {
    return createRequire(import.meta.url)('sodium-native') as Sodium;
  } catch {
    return null;
  }
}
