import { parseStrict } from '@chancery/protocol/strict-json.js';
import { StrictJsonError, type StrictJsonErrorCode } from '@chancery/protocol/strict-json-error.js';
import { malformedJson, payloadTooLarge } from './http.errors.js';

const reasons: Readonly<Record<StrictJsonErrorCode, string>> = {
  too_large: 'The body is too large.',
  encoding: 'The body is not UTF-8 without a byte order mark.',
  depth: 'The body is nested too deeply.',
  duplicate_key: 'An object has the same key twice.',
  lone_surrogate: 'A string holds half of a surrogate pair.',
  number: 'A number cannot be represented exactly.',
  syntax: 'This is not JSON.',
};

/** JSON that two readers cannot read differently: no duplicate keys, no `__proto__`, bounded in size and depth. */
export function parseJsonBody(bytes: Buffer, bytesMax: number): unknown {
  if (bytes.length === 0) throw malformedJson('The body is empty.');
  let value: unknown;
  try {
    value = parseStrict(bytes, { maxBytes: bytesMax, fractions: true });
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    if (error.code === 'too_large') throw payloadTooLarge(bytesMax);
    throw malformedJson(reasons[error.code], { position: error.position });
  }
  const at = bytes.indexOf('"__proto__"');
  if ((at !== -1 || bytes.includes('\\u')) && namesProto(value)) {
    throw malformedJson('A key __proto__ is refused.', at === -1 ? undefined : { position: at });
  }
  return value;
}

function namesProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(namesProto);
}
