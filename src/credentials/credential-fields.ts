import { canonicalize } from '@chancery/protocol/canonical-json.js';
import { parseStrict } from '@chancery/protocol/strict-json.js';
import { Secret } from '../platform/crypto/secret.js';

/** Names of fields, each a secret or public: a public one (a user name) is not redacted from answers. */
export type FieldShape = Readonly<Record<string, 'secret' | 'public'>>;

export const FIELD_NAME = /^[a-z][a-z0-9_]{0,31}$/;
export const FIELDS_MAX = 16;

/** Made from the others, so no stored field has its name. */
export const BASIC = 'basic';
/** What RFC 7617 joins; the password may be missing and is then empty. */
export const USERNAME = 'username';
export const PASSWORD = 'password';

/** What a placeholder can ask for: a field by name, or `WHOLE`, the one value of a credential without fields. */
export type Slot = string;
export const WHOLE: Slot = '';

/** The slots that a credential of this shape fills. Needs no value, so that a decision can ask before anything is decrypted. */
export function slotsOf(shape: FieldShape | null): ReadonlySet<Slot> {
  if (shape === null) return new Set([WHOLE]);
  const names = Object.keys(shape);
  return new Set(names.includes(USERNAME) ? [...names, BASIC] : names);
}

const FORMAT = 'chancery/credential-fields/v1';

/** The one plaintext that several fields are sealed as. */
export const sealedForm = (fields: Readonly<Record<string, string>>): Secret =>
  Secret.fromUtf8(canonicalize({ format: FORMAT, fields }));

/** The fields of a plaintext that was sealed as `shape`. Throws when it holds anything else; says nothing of what it holds. */
export function fieldsOf(plaintext: Secret, shape: FieldShape): ReadonlyMap<string, Secret> {
  const fields = readFields(plaintext);
  const names = Object.keys(shape).sort();
  if (fields === null || Object.keys(fields).sort().join() !== names.join()) {
    throw new Error('the sealed fields are not those of their version');
  }
  return new Map(names.map((name) => [name, Secret.fromUtf8(fields[name] as string)]));
}

function readFields(plaintext: Secret): Readonly<Record<string, string>> | null {
  let parsed: unknown;
  try {
    parsed = parseStrict(plaintext.bytes);
  } catch {
    // The reader's error could hold a position in the value, and is of no use to anybody.
    return null;
  }
  const { format, fields } = (parsed ?? {}) as { format?: unknown; fields?: unknown };
  if (format !== FORMAT || typeof fields !== 'object' || fields === null) return null;
  return Object.values(fields).every((value) => typeof value === 'string') ? (fields as Record<string, string>) : null;
}
