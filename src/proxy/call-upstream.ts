import { Inject, Injectable } from '@nestjs/common';
import { Committers } from '../audit/committers.js';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import type { CredentialPolicy } from '../credentials/credentials-policy.js';
import { OpenVersion } from '../credentials/open-version.js';
import type { OpenedCredential } from '../credentials/opened-credential.js';
import { ProblemError } from '../platform/http/problem.js';
import { CallCut } from '../platform/outbound/in-flight.js';
import { Outbound } from '../platform/outbound/outbound.js';
import { OutboundError } from '../platform/outbound/outbound-error.js';
import type { OutboundResponse } from '../platform/outbound/outbound-message.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import type { EntryRef } from '../tenancy/acts.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { callCut, refused, upstreamFailed } from './proxy.errors.js';
import { redactAnswer } from './redact-answer.js';
import { render } from './render.js';
import type { ParsedTemplate } from './template.js';
import { outcomeEntry, type UseOutcome } from './use-entries.js';

export interface UpstreamCall {
  readonly principal: AgentPrincipal;
  readonly credential: CredentialPolicy;
  readonly version: number;
  readonly template: ParsedTemplate;
  readonly intent: EntryRef;
  readonly signal: AbortSignal;
  /** Throws when the call must not go on: asked before each step that cannot be taken back. */
  readonly check: () => void;
  readonly timeoutMs: number;
}

/** What the agent gets back. Values of headers hold one byte in each character, as they came. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly durationMs: number;
  readonly redactions: number;
}

/** Carries out a use whose intent is durable: decrypt, render, dial, redact, and write down what became of it. */
@Injectable()
export class CallUpstream {
  constructor(
    private readonly openVersion: OpenVersion,
    private readonly outbound: Outbound,
    private readonly committers: Committers,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async execute(call: UpstreamCall): Promise<UpstreamAnswer> {
    const startedAt = performance.now();
    const elapsed = (): number => Math.round(performance.now() - startedAt);
    let opened: OpenedCredential | null = null;
    try {
      call.signal.throwIfAborted();
      const { principal, credential, version } = call;
      opened = await this.openVersion.execute(principal.tenantId, credential, version, call.check);
      const answer = await this.#send(call, opened);
      call.check();
      const redacted = redactAnswer(answer, call.credential.redact ? opened.secrets : []);
      const { status } = answer;
      const { headers, body, redactions } = redacted;
      const durationMs = elapsed();
      this.#record(call, 'success', { status, duration_ms: durationMs, bytes: body.length, redactions });
      return { status, headers, body, durationMs, redactions };
    } catch (error) {
      const { problem, outcome } = this.#failure(call, error);
      this.#record(call, outcome, { code: problem.spec.code, duration_ms: elapsed() });
      throw problem;
    } finally {
      opened?.zero();
    }
  }

  async #send(call: UpstreamCall, opened: OpenedCredential): Promise<OutboundResponse> {
    const rendered = render(call.template, opened);
    if (!rendered.ok) throw refused(rendered);
    try {
      return await this.outbound.send(rendered.value, {
        tenantId: call.principal.tenantId,
        signal: call.signal,
        lastLook: call.check,
        timeoutMs: call.timeoutMs,
        maxResponseBytes: this.config.outbound.responseBytesMax,
      });
    } finally {
      rendered.value.body?.fill(0);
    }
  }

  #failure(call: UpstreamCall, error: unknown): { problem: ProblemError; outcome: UseOutcome } {
    if (call.signal.aborted) {
      const { reason } = call.signal;
      const why = reason instanceof CallCut ? reason.reason : 'the caller went away';
      return { problem: callCut(why, call.intent), outcome: 'cut' };
    }
    if (error instanceof OutboundError && error.code !== 'aborted') {
      return { problem: upstreamFailed(error.code, error.message, call.intent), outcome: 'failure' };
    }
    if (error instanceof ProblemError) return { problem: error, outcome: 'failure' };
    // The error itself could hold what was rendered: only its name is written down.
    this.log.error({ fault: (error as Error).name, intent: call.intent.seq }, 'a use failed');
    const spec = { code: 'internal_error', status: 500, title: 'Something went wrong on our side' };
    return { problem: new ProblemError(spec), outcome: 'failure' };
  }

  /** The outcome rides in the tenant's next batch and is not waited for; if it is lost, the sweep says `unknown`. */
  #record(call: UpstreamCall, outcome: UseOutcome, details: Record<string, unknown>): void {
    const draft = outcomeEntry(call.principal, call.intent, outcome, details);
    this.committers
      .of(call.principal.tenantId)
      .submit(() => ({ kind: 'entry', draft, result: undefined }))
      .catch((error: unknown) => {
        this.log.warn({ intent: call.intent.seq, fault: (error as Error).name }, 'an outcome could not be written');
      });
  }
}
