import type { Slot } from '../credentials/credential-fields.js';
import { asBuffer, ownConcat, ownCopy, ownText } from '../platform/crypto/own-memory.js';
import type { OutboundRequest } from '../platform/outbound/outbound-message.js';
import { percentEncode } from './percent.js';
import { fillText, mapLiterals, type Text } from './placeholder.js';
import { Refused, refuseTemplateUnless, result, type Result } from './refusal.js';
import type { BodyEncoding, BodyTemplate } from './template-body.js';
import type { ParsedTemplate } from './template.js';

/** CR, LF and NUL would end the header or the message; other control characters no server should see either. Tab is allowed. */
const isHeaderByte = (byte: number): boolean => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f);

/** Blanks around a value are not part of it (RFC 9112, 5.1). Not `trim`, which would eat the byte A0 of UTF-8. */
const OUTER_BLANKS = /^[ \t]+|[ \t]+$/g;
const BEYOND_ASCII = /[^\x00-\x7f]/;

/** The credential's bytes for each slot of the template. */
export interface Filling {
  bytesFor(slot: Slot): Uint8Array;
}

/**
 * Puts the secret into its places, once: what it contains, a placeholder or `$&`, is data. The caller zeroes `filling`, and
 * `body` of the answer, when the call is over; strings can only be let go.
 */
export function render(template: ParsedTemplate, filling: Filling): Result<OutboundRequest> {
  return result(() => {
    const path = fillEscaped(template.path, filling);
    refuseTemplateUnless(!hasDotSegment(path), 'the credential would change the path it is put in');
    const query = fillEscaped(template.query, filling);
    return {
      method: template.method,
      scheme: template.target.scheme,
      host: template.target.host,
      port: template.target.port,
      path: query === '' ? path : `${path}?${query}`,
      headers: template.headers.map(([name, value]) => [name, renderHeader(value, filling)] as const),
      body: template.body === null ? null : renderBody(template.body, filling),
    };
  });
}

const fillEscaped = (text: Text, filling: Filling): string =>
  fillText(text, (slot) => percentEncode(filling.bytesFor(slot)));

/** A secret of dots alone cannot be escaped in a path (`%2e%2e` means `..`), so it is refused there. */
const hasDotSegment = (path: string): boolean => path.split('/').some((segment) => segment === '.' || segment === '..');

const utf8InLatin1 = (text: string): string =>
  BEYOND_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;

/** Header values are bytes: the template's text as UTF-8, the secret as stored; the string holds one byte in each character. */
function renderHeader(value: Text, filling: Filling): string {
  const literals = mapLiterals(value, utf8InLatin1);
  const filled = fillText(literals, (slot) => {
    const secret = filling.bytesFor(slot);
    refuseTemplateUnless(
      secret.every(isHeaderByte),
      'the credential has a line break or another control character and cannot be put in a header',
    );
    return asBuffer(secret).toString('latin1');
  });
  return filled.replace(OUTER_BLANKS, '');
}

function renderBody(body: BodyTemplate, filling: Filling): Buffer {
  if ('bytes' in body) return Buffer.from(body.bytes);
  const { literals, slots } = body.text;
  const fillings = slots.map((slot) => encodeFor(body.encoding, filling.bytesFor(slot)));
  const pieces = literals.flatMap((literal, index) =>
    index === 0 ? [Buffer.from(literal)] : [fillings[index - 1] as Buffer, Buffer.from(literal)],
  );
  const rendered = ownConcat(pieces);
  for (const filled of fillings) filled.fill(0);
  return rendered;
}

function encodeFor(encoding: BodyEncoding, secret: Uint8Array): Buffer {
  switch (encoding) {
    case 'form':
      return ownText(percentEncode(secret));
    case 'json':
      return ownText(JSON.stringify(utf8(secret)).slice(1, -1));
    case 'text':
      return ownCopy(secret);
  }
}

function utf8(secret: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(secret);
  } catch {
    throw new Refused('template_refused', 'the credential is not text and cannot be put in JSON');
  }
}
