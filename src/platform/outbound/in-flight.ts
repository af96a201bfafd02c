import { Stopper, type StopSignal } from '../stop-signal.js';

export type CallLabels = { tenantId: string; agentId: string; sessionId: string; credentialId: string };
export type CutReason = 'brake' | 'seal' | 'session_ended' | 'suspended' | 'deleted' | 'lease_lost' | 'shutdown';

export type OpenCall = {
  readonly labels: CallLabels;
  readonly signal: StopSignal;
  /** Asked at the moment of acting: throws the `CallCut` of a call that was cut, or that must not go on. */
  readonly check: () => void;
  /** Ends it because nobody waits for it any more. */
  readonly abandon: () => void;
  readonly close: () => void;
};

/** The abort reason of a call that was cut; `reason` names the act that cut it. */
export class CallCut extends Error {
  override readonly name = 'CallCut';
  constructor(readonly reason: CutReason) {
    super(`call cut: ${reason}`);
  }
}

/**
 * The calls this process has under way, with the means to end them. A call is opened before the decision that allows it is
 * made durable: one that a brake overtakes between the two is then in the table when the brake cuts.
 */
export class InFlightCalls {
  readonly #calls = new Map<Stopper, CallLabels>();
  #stopper: () => CutReason | null = () => null;

  get size(): number {
    return this.#calls.size;
  }

  /** The tenants that have calls under way. */
  get tenants(): ReadonlySet<string> {
    return new Set([...this.#calls.values()].map(({ tenantId }) => tenantId));
  }

  /** `stopper` says at any moment why no call of this process may go on, or null when they may. */
  stopWhen(stopper: () => CutReason | null): void {
    this.#stopper = stopper;
  }

  open(labels: CallLabels): OpenCall {
    const signal = new Stopper();
    this.#calls.set(signal, labels);
    const check = (): void => {
      const why = signal.aborted ? null : this.#stopper();
      if (why !== null) this.cut({}, why);
      signal.throwIfAborted();
    };
    const abandon = (): void => signal.abort();
    return { labels, signal, check, abandon, close: () => void this.#calls.delete(signal) };
  }

  /** Cuts every call that carries all the given labels (no labels: every call) and says how many there were. */
  cut(which: Partial<CallLabels>, reason: CutReason): number {
    const wanted = Object.entries(which).filter(([, value]) => value !== undefined) as [keyof CallLabels, string][];
    return this.cutWhere((labels) => (wanted.every(([label, value]) => labels[label] === value) ? reason : null));
  }

  /** The calls of a tenant that are under way now, to be looked at later: what is opened meanwhile is not among them. */
  of(tenantId: string): ReadonlySet<CallLabels> {
    return new Set([...this.#calls.values()].filter((labels) => labels.tenantId === tenantId));
  }

  /** Cuts each call that `judge` finds a reason for, and says how many there were. */
  cutWhere(judge: (labels: CallLabels) => CutReason | null): number {
    let count = 0;
    for (const [signal, labels] of this.#calls) {
      const reason = judge(labels);
      if (reason === null) continue;
      this.#calls.delete(signal);
      signal.abort(new CallCut(reason));
      count += 1;
    }
    return count;
  }
}
