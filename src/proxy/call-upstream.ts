import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import type { CredentialPolicy } from '../credentials/credentials-policy.js';
import { OpenVersion } from '../credentials/open-version.js';
import type { OpenedCredential } from '../credentials/opened-credential.js';
import { Outbound } from '../platform/outbound/outbound.js';
import type { OutboundResponse } from '../platform/outbound/outbound-message.js';
import type { StopSignal } from '../platform/stop-signal.js';
import type { EntryRef } from '../tenancy/acts.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { refused } from './proxy.errors.js';
import { AnswerRedaction, redactAnswer } from './redact-answer.js';
import { render } from './render.js';
import type { ParsedTemplate } from './template.js';
import { UseOutcomes } from './use-outcomes.js';

export interface UpstreamCall {
  readonly principal: AgentPrincipal;
  readonly credential: CredentialPolicy;
  readonly version: number;
  readonly template: ParsedTemplate;
  readonly intent: EntryRef;
  readonly signal: StopSignal;
  /** Throws when the call must not go on: asked before each step that cannot be taken back. */
  readonly check: () => void;
  readonly timeoutMs: number;
}

/** Which private addresses the decided version may be dialled to; undefined: those of the deployment. */
export const privateRangesOf = ({ credential, version }: UpstreamCall): readonly string[] | undefined =>
  credential.versions.get(version)?.binding.private_ranges;

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
    private readonly outcomes: UseOutcomes,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(call: UpstreamCall): Promise<UpstreamAnswer> {
    const startedAt = performance.now();
    const elapsed = (): number => Math.round(performance.now() - startedAt);
    let opened: OpenedCredential | null = null;
    let redaction: AnswerRedaction | null = null;
    try {
      call.signal.throwIfAborted();
      const { principal, credential, version } = call;
      opened = await this.openVersion.execute(principal.tenantId, credential, version, call.check);
      const answer = await this.#send(call, opened);
      call.check();
      redaction = new AnswerRedaction(credential.redact ? opened.secrets : []);
      const { status, headers, body } = redactAnswer(answer, redaction);
      const durationMs = elapsed();
      this.outcomes.succeeded(call, { status, duration_ms: durationMs, bytes: body.length }, redaction);
      return { status, headers, body, durationMs, redactions: redaction.count };
    } catch (error) {
      throw this.outcomes.failed(call, error, { duration_ms: elapsed() }, redaction);
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
        privateRanges: privateRangesOf(call),
        signal: call.signal,
        lastLook: call.check,
        timeoutMs: call.timeoutMs,
        maxResponseBytes: this.config.outbound.responseBytesMax,
      });
    } finally {
      if (rendered.value.body instanceof Uint8Array) rendered.value.body.fill(0);
    }
  }
}
