import { Injectable } from '@nestjs/common';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { Buckets } from '../platform/telemetry/buckets.js';
import { type Labels, Metrics } from '../platform/telemetry/metrics.js';
import type { UseOutcome } from './use-entries.js';

const BOUNDS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];
const MS_PER_SECOND = 1_000;

/** What uses of credentials came to, in numbers: nothing in them says whose they were, or where they went. */
@Injectable()
export class UseMetrics {
  /** By outcome, then by the code of ours that says why; both are closed lists. */
  readonly #uses = new Map<string, Map<string, number>>([
    ['success', new Map([['', 0]])],
    ['pending', new Map([['', 0]])],
  ]);
  readonly #durations = {
    success: new Buckets(BOUNDS_SECONDS),
    failure: new Buckets(BOUNDS_SECONDS),
    cut: new Buckets(BOUNDS_SECONDS),
  };
  #redactions = 0;
  #redactedAnswers = 0;

  constructor(metrics: Metrics, inFlight: InFlightCalls) {
    metrics.counter('chancery_uses_total', 'Uses of credentials that were decided, by what they came to and why.', () =>
      this.#readUses(),
    );
    metrics.gauge('chancery_uses_in_flight', 'Uses of credentials under way.', () => inFlight.size);
    metrics.histogram(
      'chancery_upstream_call_duration_seconds',
      'Uses that were carried out, from decrypting to the end of the answer.',
      () => Object.entries(this.#durations).map(([outcome, buckets]) => [{ outcome }, buckets] as const),
    );
    metrics.counter('chancery_redactions_total', 'Secrets taken out of answers.', () => this.#redactions);
    metrics.counter('chancery_redacted_answers_total', 'Answers that held a secret.', () => this.#redactedAnswers);
  }

  /** One that was carried out. */
  ended(outcome: UseOutcome, code: string, durationMs: number, redactions: number): void {
    this.#count(outcome, code);
    this.#durations[outcome].observe(durationMs / MS_PER_SECOND);
    if (redactions === 0) return;
    this.#redactions += redactions;
    this.#redactedAnswers += 1;
  }

  denied(code: string): void {
    this.#count('denied', code);
  }

  /** One that waits for a person. */
  pending(): void {
    this.#count('pending', '');
  }

  #count(outcome: string, code: string): void {
    const codes = this.#uses.get(outcome);
    if (codes === undefined) this.#uses.set(outcome, new Map([[code, 1]]));
    else codes.set(code, (codes.get(code) ?? 0) + 1);
  }

  *#readUses(): Generator<readonly [Labels, number]> {
    for (const [outcome, codes] of this.#uses) for (const [code, count] of codes) yield [{ outcome, code }, count];
  }
}
