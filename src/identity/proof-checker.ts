import { BoundedCache } from '@chancery/protocol/bounded-cache.js';
import { checkDpopProof, type DpopFault, type DpopHeader } from '@chancery/protocol/dpop.js';
import { type Nonces, nonceStanding } from './nonces.js';
import { nodeDigest, verifyProofSignature } from './proof-signature.js';

const HEADERS_KEPT_MAX = 10_000;

/** A proof and what it must fit. Plain data, so that another thread can answer. */
export interface ProofQuestion {
  readonly proof: string;
  readonly htm: string;
  readonly htu: string;
  /** Unix seconds. */
  readonly now: number;
  readonly nonces: Nonces;
  /** Absent at the token endpoint only: there is no token yet. */
  readonly bound?: TokenBinding | undefined;
}

/** The access token of a request, by the hash its proofs name (RFC 9449 section 4.2), and the key it is bound to. */
export interface TokenBinding {
  readonly ath: string;
  readonly jkt: string;
}

/** A proof that holds for its request. Whether it was used before is not known yet. */
export interface CheckedProof {
  readonly jkt: string;
  /** Hex SHA-256(jkt ‖ jti). */
  readonly proofId: string;
  /** Its nonce still counts, but not for long: the answer should bring the next one. */
  readonly wantsNonce: boolean;
}

export type ProofAnswer =
  { readonly ok: true; readonly proof: CheckedProof } | { readonly ok: false; readonly reason: DpopFault };

/** Checks proofs (RFC 9449 section 4.3). Knows nothing of the server but what each question says. */
export class ProofChecker {
  readonly #headers = new BoundedCache<string, DpopHeader>(HEADERS_KEPT_MAX);

  async check({ proof, htm, htu, now, nonces, bound }: ProofQuestion): Promise<ProofAnswer> {
    let wantsNonce = true;
    const result = await checkDpopProof({
      proof,
      htm,
      htu,
      now,
      nonce: (value) => {
        const standing = nonceStanding(nonces, value);
        wantsNonce = standing !== 'current';
        return standing !== 'unknown';
      },
      verify: verifyProofSignature,
      headers: this.#headers,
      digest: nodeDigest,
      ...(bound !== undefined && { ath: bound.ath, expectedJkt: bound.jkt }),
    });
    if (!result.ok) return { ok: false, reason: result.reason };
    return { ok: true, proof: { jkt: result.jkt, proofId: result.jtiHash, wantsNonce } };
  }
}
