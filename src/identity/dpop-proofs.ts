import { Injectable } from '@nestjs/common';
import { BoundedCache } from '@chancery/protocol/bounded-cache.js';
import { checkDpopProof, type DpopFault, type DpopHeader } from '@chancery/protocol/dpop.js';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../platform/clock.js';
import { surfaceOf } from '../platform/http/surface.js';
import { SurfaceOrigins } from '../platform/http/surface-origins.js';
import { DpopNonce } from './dpop-nonce.js';
import { nodeDigest, verifyProofSignature } from './proof-signature.js';

const HEADERS_KEPT_MAX = 10_000;

/** A proof that holds for this request. Whether it was used before is not known yet. */
export interface CheckedProof {
  readonly jkt: string;
  /** Hex SHA-256(jkt ‖ jti). */
  readonly proofId: string;
  /** Its nonce still counts, but not for long: the answer should bring the next one. */
  readonly wantsNonce: boolean;
}

/** The access token of a request, and the thumbprint of the key it is bound to. */
export interface TokenBinding {
  readonly accessToken: string;
  readonly jkt: string;
}

export type ProofFault = DpopFault | 'missing';

export type ProofVerdict =
  { readonly ok: true; readonly proof: CheckedProof } | { readonly ok: false; readonly reason: ProofFault };

/** Holds the `DPoP` header of a request against the request itself, as the configured origins know it. */
@Injectable()
export class DpopProofs {
  readonly #headers = new BoundedCache<string, DpopHeader>(HEADERS_KEPT_MAX);

  constructor(
    private readonly origins: SurfaceOrigins,
    private readonly nonce: DpopNonce,
    private readonly clock: Clock,
  ) {}

  /** `bound` is absent at the token endpoint only: there is no token yet. */
  async check(request: FastifyRequest, bound?: TokenBinding): Promise<ProofVerdict> {
    const header = request.headers.dpop;
    if (header === undefined) return { ok: false, reason: 'missing' };
    if (typeof header !== 'string') return { ok: false, reason: 'malformed' };
    const surface = surfaceOf(request.raw);
    if (surface === undefined) return { ok: false, reason: 'htu' };
    // A surface may be known by several origins; which one the client used, only the proof can say.
    for (const htu of this.origins.htu(surface, request.raw.url ?? '')) {
      const verdict = await this.#checkAgainst(header, { htm: request.method, htu }, bound);
      if (verdict.ok || verdict.reason !== 'htu') return verdict;
    }
    return { ok: false, reason: 'htu' };
  }

  async #checkAgainst(
    proof: string,
    target: { htm: string; htu: string },
    bound?: TokenBinding,
  ): Promise<ProofVerdict> {
    let wantsNonce = true;
    const result = await checkDpopProof({
      proof,
      ...target,
      now: Math.floor(this.clock.now() / 1000),
      ...(bound !== undefined && { accessToken: bound.accessToken, expectedJkt: bound.jkt }),
      nonce: (value) => {
        wantsNonce = !this.nonce.isCurrent(value);
        return !wantsNonce || this.nonce.accepts(value);
      },
      verify: verifyProofSignature,
      headers: this.#headers,
      digest: nodeDigest,
    });
    if (!result.ok) return { ok: false, reason: result.reason };
    return { ok: true, proof: { jkt: result.jkt, proofId: result.jtiHash, wantsNonce } };
  }
}
