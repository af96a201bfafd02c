import { Secret } from '../platform/crypto/secret.js';
import { REDACTABLE_BYTES_MIN } from './credential.js';
import { type FieldShape, sealedForm } from './credential-fields.js';
import { secretTooShort } from './credentials.errors.js';

/** What a tenant stores: one text, or fields by name, some of them public. */
export type ValueInput =
  | { readonly value: string }
  | { readonly fields: Readonly<Record<string, string>>; readonly publicFields: readonly string[] };

/** A value as it is sealed, for the caller to zero. */
export interface Plaintext {
  readonly secret: Secret;
  readonly shape: FieldShape | null;
}

/** Refuses a secret that is too short to be redacted, where it shall be redacted (ATTACKS 31a). */
export function plaintextOf(input: ValueInput, redact: boolean): Plaintext {
  if ('value' in input) {
    if (redact) refuseShort(input.value);
    return { secret: Secret.fromUtf8(input.value), shape: null };
  }
  const { fields, publicFields } = input;
  const shape: Record<string, 'secret' | 'public'> = {};
  for (const [name, value] of Object.entries(fields)) {
    shape[name] = publicFields.includes(name) ? 'public' : 'secret';
    if (redact && shape[name] === 'secret') refuseShort(value, name);
  }
  return { secret: sealedForm(fields), shape };
}

function refuseShort(value: string, field?: string): void {
  if (Buffer.byteLength(value) < REDACTABLE_BYTES_MIN) throw secretTooShort(REDACTABLE_BYTES_MIN, field);
}
