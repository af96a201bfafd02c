import { malformedForm } from './http.errors.js';

const FIELDS_MAX = 32;

/** `application/x-www-form-urlencoded`, each name once: https://www.rfc-editor.org/rfc/rfc6749#section-3.2 */
export function parseFormBody(bytes: Buffer): Record<string, string> {
  const text = bytes.toString('latin1');
  if (/[^\x21-\x7e]/.test(text)) throw malformedForm('The form holds bytes that must be percent-encoded.');
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw malformedForm('The form is not valid percent-encoding.');
  const fields: Record<string, string> = {};
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > FIELDS_MAX) throw malformedForm(`A form has at most ${FIELDS_MAX} fields.`);
    if (name === '__proto__') throw malformedForm('A field __proto__ is refused.');
    if (Object.hasOwn(fields, name)) throw malformedForm('A field is given twice.');
    fields[name] = value;
  }
  return fields;
}
