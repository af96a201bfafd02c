import { HTTP_TOKEN, isHeaderOurs, isMethodUsable } from '../platform/outbound/message-rules.js';
import { hasPlaceholder, refuseOtherNames, splitText, type Text } from './placeholder.js';
import { refuseTemplateUnless } from './refusal.js';

export const HEADERS_MAX = 64;
export const HEADER_NAME_CHARS_MAX = 128;
export const HEADER_VALUE_CHARS_MAX = 8_192;
export const HEADERS_CHARS_MAX = 32_768;

export type HeaderTemplate = readonly [name: string, value: Text];

const METHOD_CHARS_MAX = 32;

/** Tab and everything printable; bytes above ASCII travel as UTF-8. */
const HEADER_VALUE_CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

export function readMethod(raw: string): string {
  refuseTemplateUnless(!hasPlaceholder(raw), '{{CREDENTIAL}} cannot stand in the method');
  refuseTemplateUnless(raw.length <= METHOD_CHARS_MAX && HTTP_TOKEN.test(raw), 'the method is not an HTTP method');
  const method = raw.toUpperCase();
  refuseTemplateUnless(isMethodUsable(method), 'the method cannot be used through Chancery');
  return method;
}

export function readHeaders(raw: Readonly<Record<string, string>>): HeaderTemplate[] {
  const entries = Object.entries(raw);
  refuseTemplateUnless(entries.length <= HEADERS_MAX, `there are more than ${HEADERS_MAX} headers`);
  const seen = new Set<string>();
  let total = 0;
  return entries.map(([name, value]) => {
    checkName(name);
    const lower = name.toLowerCase();
    refuseTemplateUnless(!seen.has(lower), 'a header is given twice');
    seen.add(lower);
    total += name.length + value.length;
    refuseTemplateUnless(total <= HEADERS_CHARS_MAX, `the headers are longer than ${HEADERS_CHARS_MAX} characters`);
    checkValue(value);
    return [name, splitText(value)] as const;
  });
}

function checkName(name: string): void {
  refuseTemplateUnless(!hasPlaceholder(name), '{{CREDENTIAL}} cannot stand in a header name');
  refuseTemplateUnless(
    name.length <= HEADER_NAME_CHARS_MAX && HTTP_TOKEN.test(name),
    'a header name is not an HTTP token',
  );
  const lower = name.toLowerCase();
  refuseTemplateUnless(!isHeaderOurs(lower), `the header ${lower} cannot be set`);
}

function checkValue(value: string): void {
  refuseTemplateUnless(
    value.length <= HEADER_VALUE_CHARS_MAX,
    `a header value is longer than ${HEADER_VALUE_CHARS_MAX} characters`,
  );
  refuseTemplateUnless(
    !HEADER_VALUE_CONTROL.test(value),
    'a header value has a line break or another control character',
  );
  refuseOtherNames(value, 'a header value');
}
