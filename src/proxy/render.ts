import type { OutboundRequest } from '../platform/outbound/outbound-message.js';
import { percentEncode } from './percent.js';
import type { Text } from './placeholder.js';
import { Refused, refuseTemplateUnless, result, type Result } from './refusal.js';
import type { BodyEncoding, BodyTemplate } from './template-body.js';
import type { ParsedTemplate } from './template.js';

/** CR, LF and NUL would end the header or the message; other control characters no server should see either. Tab is allowed. */
const isHeaderByte = (byte: number): boolean => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f);

/** Blanks around a value are not part of it (RFC 9112, 5.1). Not `trim`, which would eat the byte A0 of UTF-8. */
const OUTER_BLANKS = /^[ \t]+|[ \t]+$/g;

/**
 * Puts the secret into its places, once: what it contains, a placeholder or `$&`, is data. The caller zeroes `secret`, and
 * `body` of the answer, when the call is over; strings can only be let go.
 */
export function render(template: ParsedTemplate, secret: Uint8Array | string): Result<OutboundRequest> {
  return result(() => {
    const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret;
    const path = fillEscaped(template.path, bytes);
    refuseTemplateUnless(!hasDotSegment(path), 'the credential would change the path it is put in');
    const query = fillEscaped(template.query, bytes);
    return {
      method: template.method,
      scheme: template.target.scheme,
      host: template.target.host,
      port: template.target.port,
      path: query === '' ? path : `${path}?${query}`,
      headers: template.headers.map(([name, value]) => [name, renderHeader(value, bytes)] as const),
      body: template.body === null ? null : renderBody(template.body, bytes),
    };
  });
}

const fill = (text: Text, encoded: string): string => text.join(encoded);

const fillEscaped = (text: Text, secret: Uint8Array): string =>
  text.length === 1 ? (text[0] as string) : fill(text, percentEncode(secret));

/** A secret of dots alone cannot be escaped in a path (`%2e%2e` means `..`), so it is refused there. */
const hasDotSegment = (path: string): boolean => path.split('/').some((segment) => segment === '.' || segment === '..');

/** Header values are bytes: the template's text as UTF-8, the secret as stored; the string holds one byte in each character. */
function renderHeader(value: Text, secret: Uint8Array): string {
  if (value.length > 1) {
    refuseTemplateUnless(
      secret.every(isHeaderByte),
      'the credential has a line break or another control character and cannot be put in a header',
    );
  }
  const literals = value.map((literal) => Buffer.from(literal, 'utf8').toString('latin1'));
  return fill(literals, Buffer.from(secret).toString('latin1')).replace(OUTER_BLANKS, '');
}

function renderBody(body: BodyTemplate, secret: Uint8Array): Buffer {
  if ('bytes' in body) return Buffer.from(body.bytes);
  const filling = encodeFor(body.encoding, secret);
  const pieces = body.text.flatMap((literal, index) =>
    index === 0 ? [Buffer.from(literal)] : [filling, Buffer.from(literal)],
  );
  const rendered = Buffer.concat(pieces);
  filling.fill(0);
  return rendered;
}

function encodeFor(encoding: BodyEncoding, secret: Uint8Array): Buffer {
  switch (encoding) {
    case 'form':
      return Buffer.from(percentEncode(secret));
    case 'json':
      return Buffer.from(JSON.stringify(utf8(secret)).slice(1, -1));
    case 'text':
      return Buffer.from(secret);
  }
}

function utf8(secret: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(secret);
  } catch {
    throw new Refused('template_refused', 'the credential is not text and cannot be put in JSON');
  }
}
