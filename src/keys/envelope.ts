import { hash, randomBytes } from 'node:crypto';
import { canonicalize } from '@chancery/protocol/canonical-json.js';
import { Secret } from '../platform/crypto/secret.js';
import { aad, unwrap, wrap, WrapError } from '../platform/crypto/wrap.js';
import { EnvelopeError, vaultSealed } from './keys.errors.js';
import type { Kek } from './tenant-keys.js';

const DEK_BYTES = 32;

/** Where a credential's value belongs. A ciphertext found anywhere else does not open (P6). */
export type Place = {
  tenantId: string;
  credentialId: string;
  version: number;
  /** Where the value may go: a plain JSON object, hashed in its RFC 8785 form. */
  binding: object;
};

export type Envelope = { kekVersion: number; wrappedDek: Buffer; ciphertext: Buffer };

/** Encrypts a value under a key of its own. The plaintext stays the caller's to zero. */
export function sealCredential(
  o: Place & { kek: Kek; plaintext: Secret; random?: (bytes: number) => Buffer },
): Envelope {
  const random = o.random ?? randomBytes;
  const dek = new Secret(random(DEK_BYTES));
  try {
    return {
      kekVersion: o.kek.version,
      wrappedDek: wrap(kekOf(o), dek, dekBoundTo(o, o.kek.version), random),
      ciphertext: wrap(dek, o.plaintext, valueBoundTo(o), random),
    };
  } finally {
    dek.zero();
  }
}

/** The value, for the caller to zero. Throws `EnvelopeError` when anything at all does not match, `vault_sealed` after a seal. */
export function openCredential(o: Place & { kek: Kek; wrappedDek: Buffer; ciphertext: Buffer }): Secret {
  const dek = orRefuse(() => unwrap(kekOf(o), o.wrappedDek, dekBoundTo(o, o.kek.version), DEK_BYTES));
  try {
    return orRefuse(() => unwrap(dek, o.ciphertext, valueBoundTo(o)));
  } finally {
    dek.zero();
  }
}

/** Moves a DEK under another KEK of the same tenant. The ciphertext is not touched and nothing of it decrypted. */
export function rewrapDek(o: {
  place: Pick<Place, 'tenantId' | 'credentialId' | 'version'>;
  from: Kek;
  to: Kek;
  wrappedDek: Buffer;
  random?: (bytes: number) => Buffer;
}): Pick<Envelope, 'kekVersion' | 'wrappedDek'> {
  const { place, from, to } = o;
  const { tenantId } = place;
  const dek = orRefuse(() =>
    unwrap(kekOf({ tenantId, kek: from }), o.wrappedDek, dekBoundTo(place, from.version), DEK_BYTES),
  );
  try {
    const wrappedDek = wrap(kekOf({ tenantId, kek: to }), dek, dekBoundTo(place, to.version), o.random ?? randomBytes);
    return { kekVersion: to.version, wrappedDek };
  } finally {
    dek.zero();
  }
}

function kekOf(o: { tenantId: string; kek: Kek }): Secret {
  if (o.kek.tenantId !== o.tenantId) throw new EnvelopeError();
  // Wiped while the caller held it.
  if (o.kek.key.isZeroed) throw vaultSealed();
  return o.kek.key;
}

function dekBoundTo(place: Pick<Place, 'tenantId' | 'credentialId' | 'version'>, kekVersion: number): Buffer {
  return aad(['chancery/dek/v1', place.tenantId, place.credentialId, String(place.version), String(kekVersion)]);
}

function valueBoundTo(place: Place): Buffer {
  const bindingHash = hash('sha256', canonicalize(place.binding), 'buffer');
  return aad(['chancery/credential/v1', place.tenantId, place.credentialId, String(place.version), bindingHash]);
}

function orRefuse(open: () => Secret): Secret {
  try {
    return open();
  } catch (error) {
    throw error instanceof WrapError ? new EnvelopeError() : error;
  }
}
