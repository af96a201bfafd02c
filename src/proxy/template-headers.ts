import { hasPlaceholder, refuseOtherNames, splitText, type Text } from './placeholder.js';
import { refuseTemplateUnless } from './refusal.js';

export const HEADERS_MAX = 64;
export const HEADER_NAME_CHARS_MAX = 128;
export const HEADER_VALUE_CHARS_MAX = 8_192;
export const HEADERS_CHARS_MAX = 32_768;

export type HeaderTemplate = readonly [name: string, value: Text];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const METHOD_CHARS_MAX = 32;

/** TRACE and CONNECT turn the upstream into an echo or a tunnel; TRACK is TRACE's old name; PRI opens HTTP/2. */
const METHODS_REFUSED = new Set(['TRACE', 'TRACK', 'CONNECT', 'PRI']);

/**
 * What frames the message or belongs to the connection is ours to say (RFC 9110, 7.6.1): with `Connection` refused, nothing it
 * could name is hop-by-hop. `Range`, `If-Range` and `A-IM` ask for parts of an answer, in which an echoed secret could not be
 * recognised (ATTACKS 32).
 */
const HEADERS_REFUSED = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'expect',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'range',
  'if-range',
  'a-im',
]);

/** Tab and everything printable; bytes above ASCII travel as UTF-8. */
const HEADER_VALUE_CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

export function readMethod(raw: string): string {
  refuseTemplateUnless(!hasPlaceholder(raw), '{{CREDENTIAL}} cannot stand in the method');
  refuseTemplateUnless(raw.length <= METHOD_CHARS_MAX && TOKEN.test(raw), 'the method is not an HTTP method');
  const method = raw.toUpperCase();
  refuseTemplateUnless(!METHODS_REFUSED.has(method), 'the method cannot be used through Chancery');
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
  refuseTemplateUnless(name.length <= HEADER_NAME_CHARS_MAX && TOKEN.test(name), 'a header name is not an HTTP token');
  const lower = name.toLowerCase();
  const isOurs = HEADERS_REFUSED.has(lower) || lower.startsWith('proxy-');
  refuseTemplateUnless(!isOurs, `the header ${lower} cannot be set`);
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
