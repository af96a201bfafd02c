import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.token.js';
import type { Config } from '../../config/environment.js';
import type { StopSignal } from '../../platform/stop-signal.js';
import type { AgentPrincipal } from '../../tenancy/principal.js';
import type { PassedBody, PendingUse } from '../approval-gate.js';
import { ExecuteCredential } from '../execute-credential.js';
import { type Result, result } from '../refusal.js';
import { type ParsedTemplate, parseTemplate } from '../template.js';
import type { ClientAnswer } from './client-answer.js';
import { type CallerBody, readCallerBody } from './stream-body.js';
import { readStreamControls } from './stream-controls.js';
import { readStreamHeaders, type StreamHeaders } from './stream-headers.js';
import { upstreamUrl } from './stream-target.js';
import { StreamUpstream } from './stream-upstream.js';

export interface StreamInput {
  readonly credentialName: string;
  readonly request: IncomingMessage;
  readonly answer: ClientAnswer;
  /** How long it may be held for a person. */
  readonly waitSeconds: number;
  /** Aborts when the agent goes away. */
  readonly gone: StopSignal;
}

/** A use whose request is the caller's own, and whose answer is streamed: the same decision and the same audit as execute. */
@Injectable()
export class StreamCredential {
  constructor(
    private readonly useCredential: ExecuteCredential,
    private readonly upstream: StreamUpstream,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Returns what waits for a person; of everything else the answer is out. */
  async execute(
    principal: AgentPrincipal,
    { credentialName, request, waitSeconds, answer, gone }: StreamInput,
  ): Promise<PendingUse | void> {
    const headers = result(() => readStreamHeaders(request.rawHeaders));
    const controls = readStreamControls(headers.ok ? headers.value.control : new Map());
    const body = await readCallerBody(request, this.config.outbound.streamBytesMax);
    const parsed = headers.ok ? this.#parse(request, headers.value, body) : headers;
    const wantsTrailers = /(?:^|[\s,])trailers(?:$|[\s,;])/i.test(String(request.headers.te ?? ''));
    const use = { credentialName, parsed, waitSeconds, passedBody: passedBody(body), gone, ...controls };
    return this.useCredential.use(principal, use, (call) =>
      this.upstream.execute(call, { body, wantsTrailers, answer }),
    );
  }

  #parse({ method = '', url = '' }: IncomingMessage, headers: StreamHeaders, body: CallerBody): Result<ParsedTemplate> {
    const template = {
      method,
      url: upstreamUrl(url),
      headers: headers.forwarded,
      ...(body.kind === 'template' ? { body: body.text } : {}),
    };
    return parseTemplate(template, { allowCleartext: this.config.environment !== 'production' });
  }
}

/** What of the body is not in the template. */
function passedBody(body: CallerBody): PassedBody {
  if (body.kind === 'stream') return 'unread';
  return body.kind === 'bytes' ? body.bytes : null;
}
