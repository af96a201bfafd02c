import { Injectable } from '@nestjs/common';
import type { DpopFault } from '@chancery/protocol/dpop.js';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../platform/clock.js';
import { surfaceOf } from '../platform/http/surface.js';
import { SurfaceOrigins } from '../platform/http/surface-origins.js';
import { DpopNonce } from './dpop-nonce.js';
import type { CheckedProof, TokenBinding } from './proof-checker.js';
import { ProofChecks } from './proof-checks.js';

export type ProofFault = DpopFault | 'missing';

export type ProofVerdict =
  { readonly ok: true; readonly proof: CheckedProof } | { readonly ok: false; readonly reason: ProofFault };

/** Holds the `DPoP` header of a request against the request itself, as the configured origins know it. */
@Injectable()
export class DpopProofs {
  constructor(
    private readonly origins: SurfaceOrigins,
    private readonly nonce: DpopNonce,
    private readonly clock: Clock,
    private readonly checks: ProofChecks,
  ) {}

  /** `token` is absent at the token endpoint only: there is no token yet. */
  async check(request: FastifyRequest, token?: TokenBinding): Promise<ProofVerdict> {
    const proof = request.headers.dpop;
    if (proof === undefined) return { ok: false, reason: 'missing' };
    if (typeof proof !== 'string') return { ok: false, reason: 'malformed' };
    const surface = surfaceOf(request.raw);
    if (surface === undefined) return { ok: false, reason: 'htu' };
    const bound = token && { ath: token.ath, jkt: token.jkt };
    const now = Math.floor(this.clock.now() / 1000);
    // A surface may be known by several origins; which one the client used, only the proof can say.
    for (const htu of this.origins.htu(surface, request.raw.url ?? '')) {
      const question = { proof, htm: request.method, htu, now, nonces: this.nonce.known(), bound };
      const verdict = await this.checks.check(question);
      if (verdict.ok || verdict.reason !== 'htu') return verdict;
    }
    return { ok: false, reason: 'htu' };
  }
}
