import type { StopSignal } from '../stop-signal.js';
import { OutboundError } from './outbound-error.js';

/**
 * One end for a whole call: the caller's signal or the time limit, whichever comes first. `race` answers at once even where
 * the HTTP client only notices an abort later (a connection still being made).
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#controller.abort(new OutboundError('aborted'));

  constructor(
    private readonly outer: StopSignal,
    timeoutMs: number,
  ) {
    this.#timer = setTimeout(() => this.#controller.abort(new OutboundError('upstream_timeout')), timeoutMs);
    if (outer.aborted) this.#onAbort();
    else outer.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the call was ended, when it was. */
  get error(): OutboundError | null {
    return this.signal.aborted ? (this.signal.reason as OutboundError) : null;
  }

  async race<T>(work: Promise<T>): Promise<T> {
    let onAbort = (): void => undefined;
    const ended = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(this.signal.reason as OutboundError);
      if (this.signal.aborted) onAbort();
      else this.signal.addEventListener('abort', onAbort, { once: true });
    });
    work.catch(() => undefined);
    try {
      return await Promise.race([work, ended]);
    } finally {
      this.signal.removeEventListener('abort', onAbort);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.outer.removeEventListener('abort', this.#onAbort);
  }
}
