import { Inject, Injectable } from '@nestjs/common';
import { Committers } from '../audit/committers.js';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { ProblemError } from '../platform/http/problem.js';
import { CallCut } from '../platform/outbound/in-flight.js';
import { OutboundError } from '../platform/outbound/outbound-error.js';
import type { StopSignal } from '../platform/stop-signal.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import type { EntryDraft, EntryRef } from '../tenancy/acts.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { callCut, upstreamFailed } from './proxy.errors.js';
import type { AnswerRedaction } from './redact-answer.js';
import { outcomeEntry, redactedEntry, type UseOutcome } from './use-entries.js';
import { UseMetrics } from './use-metrics.js';

/** Until its outcome is in the chain, a use counts as under way on other nodes: where few are allowed, none waits. */
const CONCURRENT_MIN_TO_WAIT = 16;

/** What an outcome is written about. */
export interface UnderWay {
  readonly principal: AgentPrincipal;
  readonly intent: EntryRef;
  readonly signal: StopSignal;
}

/** What its entry says besides; never anything of the secret. */
export type UseDetails = Record<string, unknown> & { readonly duration_ms: number };

/** Writes down what became of uses, and says to the caller what it is told when one failed. */
@Injectable()
export class UseOutcomes {
  readonly #patienceMs: number;

  constructor(
    private readonly committers: Committers,
    private readonly metrics: UseMetrics,
    @Inject(LOG) private readonly log: Log,
    @Inject(CONFIG) { uses }: Config,
  ) {
    const fewest = Math.min(uses.agentConcurrent, uses.tenantConcurrent);
    this.#patienceMs = fewest < CONCURRENT_MIN_TO_WAIT ? 0 : uses.outcomeWaitMs;
  }

  succeeded(call: UnderWay, details: UseDetails, redaction: AnswerRedaction): void {
    this.metrics.ended('success', '', details.duration_ms, redaction.count);
    this.#record(call, 'success', { redactions: redaction.count, ...details }, redaction);
  }

  /** `redaction` is null when no answer came. */
  failed(call: UnderWay, error: unknown, details: UseDetails, redaction: AnswerRedaction | null): ProblemError {
    const { problem, outcome } = this.#failure(call, error);
    this.metrics.ended(outcome, problem.spec.code, details.duration_ms, redaction?.count ?? 0);
    this.#record(call, outcome, { code: problem.spec.code, ...details }, redaction);
    return problem;
  }

  #failure(call: UnderWay, error: unknown): { problem: ProblemError; outcome: UseOutcome } {
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
  #record(
    call: UnderWay,
    outcome: UseOutcome,
    details: Record<string, unknown>,
    redaction: AnswerRedaction | null,
  ): void {
    this.#submit(call, outcomeEntry(call.principal, call.intent, outcome, details));
    if (redaction !== null && redaction.count > 0) {
      this.#submit(call, redactedEntry(call.principal, call.intent, redaction.count, redaction.places));
    }
  }

  #submit({ principal, intent }: UnderWay, draft: EntryDraft): void {
    this.committers
      .of(principal.tenantId)
      .submit(() => ({ kind: 'entry', draft, result: undefined }), { patienceMs: this.#patienceMs })
      .catch((error: unknown) => {
        this.log.warn({ intent: intent.seq, fault: (error as Error).name }, 'an outcome could not be written');
      });
  }
}
