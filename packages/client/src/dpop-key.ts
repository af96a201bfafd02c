import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { createDpopProof } from '@chancery/protocol/dpop-create.js';

export type ProofClaims = {
  method: string;
  /** The absolute URL of the request; query and fragment are left out of the proof (RFC 9449 4.2). */
  url: string;
  nonce?: string | undefined;
  accessToken?: string | undefined;
  now: Date;
};

type Ed25519Jwk = { kty: 'OKP'; crv: 'Ed25519'; x: string };

/** An Ed25519 key for one session (RFC 9449). It lives in this object only: it is never written anywhere. */
export class DpopKey {
  readonly #privateKey: KeyObject;
  readonly publicJwk: Ed25519Jwk;

  private constructor(privateKey: KeyObject, publicJwk: Ed25519Jwk) {
    this.#privateKey = privateKey;
    this.publicJwk = publicJwk;
  }

  static generate(): DpopKey {
    // node:crypto, because WebCrypto's Ed25519 prints an experimental warning on Node 20
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const { kty, crv, x } = publicKey.export({ format: 'jwk' }) as Ed25519Jwk;
    return new DpopKey(privateKey, { kty, crv, x });
  }

  /** The value of the `DPoP` header for one request; each has its own `jti`. */
  async proof({ method, url, nonce, accessToken, now }: ProofClaims): Promise<string> {
    return createDpopProof({
      sign: (input) => sign(null, input, this.#privateKey),
      publicJwk: this.publicJwk,
      alg: 'Ed25519',
      htm: method.toUpperCase(),
      htu: url,
      jti: randomUUID(),
      iat: Math.floor(now.getTime() / 1000),
      ...(nonce === undefined ? {} : { nonce }),
      ...(accessToken === undefined ? {} : { accessToken }),
    });
  }
}
