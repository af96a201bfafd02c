import type { StopSignal } from '../stop-signal.js';

/** A finished request. Header values hold one byte in each character (latin1); `path` carries the query. */
export type OutboundRequest = {
  readonly method: string;
  readonly scheme: 'https' | 'http';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whole, or as it comes: then at the speed of the slower side. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null;
};

export type OutboundOptions = {
  /** Connections are pooled under this tenant and never used for another. */
  readonly tenantId: string;
  /** CIDR ranges, in one spelling: of private addresses only these are dialled, as far as the dial policy has them. */
  readonly privateRanges?: readonly string[] | undefined;
  /** Ends the call from outside: a brake, a client that went away, a shutdown. */
  readonly signal: StopSignal;
  /** Called when the connection is there, directly before the first byte goes out: the last moment to throw. */
  readonly lastLook?: () => void;
  /** From the first look-up to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Of the answer's body, both as received and as decoded. */
  readonly maxResponseBytes: number;
};

/** An answer whose body is still arriving, decoded. Reading it to the end, or breaking off, frees the connection. */
export type OutboundStream = {
  readonly status: number;
  readonly statusText: string;
  /** Without what concerned the connection and the coding. Values hold one byte in each character (latin1). */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: AsyncIterable<Buffer>;
  /** What came behind the body, once it was read. */
  readonly trailers: () => readonly (readonly [name: string, value: string])[];
  /** Aborts when the call ends early: from outside or by its deadline. */
  readonly ended: AbortSignal;
};

export type OutboundResponse = Omit<OutboundStream, 'body' | 'trailers' | 'ended'> & { readonly body: Buffer };
