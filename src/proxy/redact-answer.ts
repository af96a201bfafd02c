import type { OutboundResponse } from '../platform/outbound/outbound-message.js';
import { Redaction } from './redaction/redactor.js';

export type RedactedAnswer = OutboundResponse & { readonly redactions: number };

/**
 * The answer without the secrets: status text, header names and values, and body. No secrets leave it as it is, for a credential
 * that is stored unredacted (under 16 bytes, redacting what merely looks like it would confirm a guess).
 */
export function redactAnswer(
  answer: OutboundResponse,
  secrets: readonly { readonly bytes: Uint8Array }[],
): RedactedAnswer {
  // The longest first: one that is part of another is not cut out of its middle.
  const all = secrets
    .map(({ bytes }) => bytes)
    .sort((a, b) => b.length - a.length)
    .map((bytes) => new Redaction(bytes));
  let redactions = 0;
  const clean = (bytes: Uint8Array): Uint8Array =>
    all.reduce((left, redaction) => {
      const { text, count } = redaction.redact(left);
      redactions += count;
      return text;
    }, bytes);
  const cleanText = (text: string): string => Buffer.from(clean(Buffer.from(text, 'latin1'))).toString('latin1');
  const statusText = Buffer.from(clean(Buffer.from(answer.statusText, 'utf8'))).toString('utf8');
  const headers = answer.headers.map(([name, value]) => [cleanText(name), cleanText(value)] as const);
  const body = Buffer.from(clean(answer.body));
  return { status: answer.status, statusText, headers, body, redactions };
}
