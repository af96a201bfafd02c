import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import type { Nonces } from './nonces.js';

/** RFC 9449 section 8. */
export const NONCE_HEADER = 'DPoP-Nonce';
export const NONCE_EPOCH_MS = 60_000;
const NONCE_BYTES = 16;

/**
 * The server's DPoP nonce (RFC 9449 section 8): a MAC of the minute, so every node gives and knows the same one and none
 * keeps a list. The minute before counts too.
 */
@Injectable()
export class DpopNonce {
  readonly #key: Buffer;
  /** The nonces of this minute and the one before: each request asks for them. */
  #known: Nonces & { readonly epoch: number } = { epoch: Number.NaN, current: '', before: '' };

  constructor(
    secret: PlatformSecret,
    private readonly clock: Clock,
  ) {
    this.#key = secret.derive('nonce-mac');
  }

  current(): string {
    return this.known().current;
  }

  /** Those that count. */
  known(): Nonces {
    const epoch = Math.floor(this.clock.now() / NONCE_EPOCH_MS);
    if (this.#known.epoch !== epoch) {
      this.#known = { epoch, current: this.#of(epoch), before: this.#of(epoch - 1) };
    }
    return this.#known;
  }

  #of(epoch: number): string {
    return createHmac('sha256', this.#key)
      .update(`dpop-nonce/${epoch}`)
      .digest()
      .subarray(0, NONCE_BYTES)
      .toString('base64url');
  }
}
