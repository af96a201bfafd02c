import { Injectable } from '@nestjs/common';
import { Outbound } from '../platform/outbound/outbound.js';
import { OutboundError } from '../platform/outbound/outbound-error.js';
import type { OutboundStream } from '../platform/outbound/outbound-message.js';
import type { WebhookTarget } from './webhook-url.js';

/** Far below a lease: a process that waits for an answer still holds the right to write down what came of it. */
const TIMEOUT_MS = 15_000;
const RESPONSE_BYTES_MAX = 1_048_576;
const SNIPPET_BYTES = 1_024;

export interface WebhookMessage {
  readonly target: WebhookTarget;
  readonly id: string;
  readonly at: Date;
  readonly body: string;
  readonly signature: string;
}

/** What came back; `status` is null when nothing did, and `error` then says why. */
export interface WebhookAnswer {
  readonly status: number | null;
  readonly error: string | null;
  readonly retryAfter: string | undefined;
  readonly response: string | null;
}

/** Nothing was wrong with the endpoint: this process is ending, or has too much to do. The attempt does not count. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError';
}

/** Posts through the door that every call a tenant can aim goes through: validated addresses, TLS, no redirects, a deadline. */
@Injectable()
export class SendWebhook {
  constructor(private readonly outbound: Outbound) {}

  async execute(tenantId: string, message: WebhookMessage, signal: AbortSignal): Promise<WebhookAnswer> {
    const { scheme, host, port, path } = message.target;
    const request = { method: 'POST', scheme, host, port, path, headers: headersOf(message), body: bytesOf(message) };
    const options = { tenantId, signal, timeoutMs: TIMEOUT_MS, maxResponseBytes: RESPONSE_BYTES_MAX };
    try {
      const answer = await this.outbound.open(request, options);
      const ok = answer.status >= 200 && answer.status < 300;
      const response = await beginningOf(answer);
      const error = ok ? null : `the endpoint answered ${answer.status}`;
      return { status: answer.status, error, retryAfter: headerOf(answer, 'retry-after'), response };
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      if (error.code === 'aborted' || error.code === 'over_capacity') throw new NotSentError();
      return { status: null, error: error.code, retryAfter: undefined, response: null };
    }
  }
}

function headersOf({ id, at, signature, target }: WebhookMessage): (readonly [string, string])[] {
  const shownPort = target.port === (target.scheme === 'https' ? 443 : 80) ? '' : `:${target.port}`;
  return [
    ['host', target.host + shownPort],
    ['content-type', 'application/json'],
    ['user-agent', 'Chancery-Webhooks/1'],
    ['webhook-id', id],
    ['webhook-timestamp', String(Math.floor(at.getTime() / 1_000))],
    ['webhook-signature', signature],
  ];
}

const bytesOf = ({ body }: WebhookMessage): Uint8Array => Buffer.from(body, 'utf8');

const headerOf = ({ headers }: OutboundStream, wanted: string): string | undefined =>
  headers.find(([name]) => name.toLowerCase() === wanted)?.[1];

/** For the log. Its status is the answer: a body that breaks off or never ends changes nothing about that. */
async function beginningOf({ body }: OutboundStream): Promise<string | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of body) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes >= SNIPPET_BYTES) break;
    }
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
  }
  const text = Buffer.concat(pieces).subarray(0, SNIPPET_BYTES).toString('utf8');
  return text === '' ? null : text.replace(/\p{Cc}/gu, ' ');
}
