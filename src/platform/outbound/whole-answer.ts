import type { Dispatcher } from 'undici';
import { OutboundError } from './outbound-error.js';

/** An answer as it came, coded or not. */
export interface RawAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: [name: string, value: string][];
  readonly pieces: Buffer[];
}

export interface WholeAnswerLimits {
  /** Of the body as received. */
  readonly maxBytes: number;
  /** Called directly before the first byte is written; what it throws ends the exchange. */
  readonly lastLook: (() => void) | undefined;
  /** Looks at the head before any of the body is taken; what it throws ends the exchange. */
  readonly judge: (headers: [name: string, value: string][]) => void;
}

/**
 * Takes an answer straight from undici's parser: no stream in between, for calls whose answer is wanted whole. It is
 * settled once; `end` settles it at once, wherever the exchange is, and lets the connection go.
 */
export class WholeAnswer implements Dispatcher.DispatchHandler {
  readonly settled: Promise<RawAnswer>;
  #answer: RawAnswer | null = null;
  #bytes = 0;
  #ended: OutboundError | null = null;
  #abort: ((error?: Error) => void) | null = null;
  #resolve!: (answer: RawAnswer) => void;
  #reject!: (error: unknown) => void;

  constructor(private readonly limits: WholeAnswerLimits) {
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  end(why: OutboundError): void {
    if (this.#ended !== null) return;
    this.#ended = why;
    this.#reject(why);
    this.#abort?.(why);
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#ended !== null) return abort(this.#ended);
    this.limits.lastLook?.();
    this.#abort = abort;
  }

  onHeaders(status: number, raw: Buffer[], _resume: () => void, statusText: string): boolean {
    if (status < 200) return true;
    const headers: [string, string][] = [];
    for (let at = 0; at + 1 < raw.length; at += 2) {
      headers.push([(raw[at] as Buffer).toString(), (raw[at + 1] as Buffer).toString('latin1')]);
    }
    this.limits.judge(headers);
    this.#answer = { status, statusText, headers, pieces: [] };
    return true;
  }

  onData(piece: Buffer): boolean {
    this.#bytes += piece.length;
    if (this.#bytes > this.limits.maxBytes) throw new OutboundError('upstream_too_large');
    this.#answer?.pieces.push(piece);
    return true;
  }

  onComplete(): void {
    if (this.#answer === null) throw new OutboundError('upstream_protocol_error');
    this.#resolve(this.#answer);
  }

  onError(error: unknown): void {
    this.#reject(error);
  }
}
