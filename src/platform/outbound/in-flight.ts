export type CallLabels = { tenantId: string; agentId: string; sessionId: string; credentialId: string };
export type CutReason = 'brake' | 'seal' | 'session_ended' | 'suspended' | 'deleted' | 'shutdown';
export type OpenCall = { signal: AbortSignal; close(): void };

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
  readonly #calls = new Map<AbortController, CallLabels>();

  get size(): number {
    return this.#calls.size;
  }

  open(labels: CallLabels): OpenCall {
    const controller = new AbortController();
    this.#calls.set(controller, labels);
    return { signal: controller.signal, close: () => void this.#calls.delete(controller) };
  }

  /** Cuts every call that carries all the given labels (no labels: every call) and says how many there were. */
  cut(which: Partial<CallLabels>, reason: CutReason): number {
    const wanted = Object.entries(which).filter(([, value]) => value !== undefined) as [keyof CallLabels, string][];
    let count = 0;
    for (const [controller, labels] of this.#calls) {
      if (!wanted.every(([label, value]) => labels[label] === value)) continue;
      this.#calls.delete(controller);
      controller.abort(new CallCut(reason));
      count += 1;
    }
    return count;
  }
}
