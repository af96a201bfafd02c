import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.token.js';
import type { Config } from '../../config/environment.js';
import { OpenVersion } from '../../credentials/open-version.js';
import { Outbound } from '../../platform/outbound/outbound.js';
import type { OutboundRequest, OutboundStream } from '../../platform/outbound/outbound-message.js';
import { privateRangesOf, type UpstreamCall } from '../call-upstream.js';
import { refused } from '../proxy.errors.js';
import { AnswerRedaction } from '../redact-answer.js';
import { render } from '../render.js';
import { UseOutcomes } from '../use-outcomes.js';
import type { ClientAnswer } from './client-answer.js';
import type { CallerBody } from './stream-body.js';

/** What a streamed call has besides its template: a body that is no template, and somebody who waits for the answer. */
export interface StreamExchange {
  readonly body: CallerBody;
  readonly wantsTrailers: boolean;
  readonly answer: ClientAnswer;
}

/** Carries out a use whose intent is durable, handing everything on as it comes: the way of `CallUpstream`, without a stop. */
@Injectable()
export class StreamUpstream {
  constructor(
    private readonly openVersion: OpenVersion,
    private readonly outbound: Outbound,
    private readonly outcomes: UseOutcomes,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(call: UpstreamCall, exchange: StreamExchange): Promise<void> {
    const startedAt = performance.now();
    const progress: { bytes: number; status?: number } = { bytes: 0 };
    const details = () => ({ duration_ms: Math.round(performance.now() - startedAt), ...progress });
    let redaction: AnswerRedaction | null = null;
    let request: OutboundRequest | null = null;
    try {
      call.signal.throwIfAborted();
      const prepared = await this.#prepare(call, exchange);
      ({ redaction, request } = prepared);
      const upstream = await this.#open(call, request);
      call.check();
      progress.status = upstream.status;
      await this.#pass(call, upstream, exchange, redaction, progress);
      call.signal.throwIfAborted();
      this.outcomes.succeeded(call, details(), redaction);
    } catch (error) {
      const { answer, body } = exchange;
      answer.abandon();
      const fault = body.kind === 'stream' ? (body.upload.fault ?? error) : error;
      throw this.outcomes.failed(call, fault, details(), redaction);
    } finally {
      if (request?.body instanceof Uint8Array) request.body.fill(0);
    }
  }

  /** The secret is needed for no longer than this: what goes out is rendered, and what comes back has its patterns. */
  async #prepare(call: UpstreamCall, { body, wantsTrailers }: StreamExchange) {
    const { principal, credential, version, template } = call;
    const opened = await this.openVersion.execute(principal.tenantId, credential, version, call.check);
    try {
      const rendered = render(template, opened);
      if (!rendered.ok) throw refused(rendered);
      const redaction = new AnswerRedaction(credential.redact ? opened.secrets : []);
      return { redaction, request: withCallers(rendered.value, body, wantsTrailers) };
    } finally {
      opened.zero();
    }
  }

  #open(call: UpstreamCall, request: OutboundRequest): Promise<OutboundStream> {
    return this.outbound.open(request, {
      tenantId: call.principal.tenantId,
      privateRanges: privateRangesOf(call),
      signal: call.signal,
      lastLook: call.check,
      timeoutMs: call.timeoutMs,
      maxResponseBytes: this.config.outbound.streamBytesMax,
    });
  }

  async #pass(
    call: UpstreamCall,
    upstream: OutboundStream,
    { answer, wantsTrailers }: StreamExchange,
    redaction: AnswerRedaction,
    progress: { bytes: number },
  ): Promise<void> {
    const { status, statusText, headers, ended } = upstream;
    answer.begin(status, redaction.statusText(statusText), redaction.headers(headers), call.intent);
    const body = redaction.body();
    const write = async (piece: Buffer): Promise<void> => {
      progress.bytes += piece.length;
      await answer.write(piece, ended);
    };
    for await (const piece of upstream.body) await write(body.push(piece));
    await write(body.flush());
    const trailers = wantsTrailers ? redaction.headers(upstream.trailers(), 'trailer') : [];
    await answer.end(trailers, ended);
  }
}

function withCallers(request: OutboundRequest, body: CallerBody, wantsTrailers: boolean): OutboundRequest {
  const headers = [...request.headers, ...(wantsTrailers ? [['te', 'trailers'] as const] : [])];
  if (body.kind === 'bytes') return { ...request, headers, body: body.bytes };
  if (body.kind !== 'stream') return { ...request, headers };
  const length = body.length === null ? [] : [['content-length', String(body.length)] as const];
  return { ...request, headers: [...headers, ...length], body: body.upload };
}
