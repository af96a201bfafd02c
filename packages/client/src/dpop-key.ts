import type { KeyObject } from 'node:crypto';
import { createDpopProof } from '@chancery/protocol/dpop-create.js';

export type ProofClaims = {
  method: string;
  /** The absolute URL of the request; query and fragment are left out of the proof (RFC 9449 section 4.2). */
  url: string;
  /** The server's latest nonce (RFC 9449 section 8). */
  nonce?: string | undefined;
  /** Bound into the proof as `ath`. */
  accessToken?: string | undefined;
  now: Date;
};

type Signer = Pick<Parameters<typeof createDpopProof>[0], 'alg' | 'publicJwk' | 'sign'>;

/** A key for one session (RFC 9449). It lives in this object only: it is never written anywhere. */
export class DpopKey {
  readonly #signer: Promise<Signer>;

  private constructor(signer: Promise<Signer>) {
    this.#signer = signer;
    // whoever asks for a proof hears of it
    signer.catch(() => undefined);
  }

  static generate(): DpopKey {
    return new DpopKey(newSigner());
  }

  /** The value of the `DPoP` header for one request; each has its own `jti`. */
  async proof({ method, url, nonce, accessToken, now }: ProofClaims): Promise<string> {
    return createDpopProof({
      ...(await this.#signer),
      htm: method.toUpperCase(),
      htu: url,
      jti: crypto.randomUUID(),
      iat: Math.floor(now.getTime() / 1000),
      ...(nonce === undefined ? {} : { nonce }),
      ...(accessToken === undefined ? {} : { accessToken }),
    });
  }
}

/**
 * Ed25519 (RFC 8037), by `node:crypto` where that is: WebCrypto's prints a warning on Node 20. Else by WebCrypto, whose
 * private key cannot be read out; a platform without Ed25519 signs with ES256.
 */
async function newSigner(): Promise<Signer> {
  const node = globalThis.process?.getBuiltinModule?.('node:crypto');
  if (node === undefined) return webSigner();
  const { publicKey, privateKey } = node.generateKeyPairSync('ed25519');
  const publicJwk = publicKey.export({ format: 'jwk' }) as Signer['publicJwk'];
  return { alg: 'Ed25519', publicJwk, sign: (input) => node.sign(null, input, privateKey satisfies KeyObject) };
}

/** @internal Exported for its test: Node has the other one. */
export async function webSigner(): Promise<Signer> {
  const { subtle } = globalThis.crypto;
  const usages: ('sign' | 'verify')[] = ['sign', 'verify'];
  const ed25519 = { name: 'Ed25519' };
  const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const made = await subtle.generateKey(ed25519 as typeof p256, false, usages).catch(() => undefined);
  const { publicKey, privateKey } = made ?? (await subtle.generateKey(p256, false, usages));
  return {
    alg: made ? 'Ed25519' : 'ES256',
    publicJwk: (await subtle.exportKey('jwk', publicKey)) as unknown as Signer['publicJwk'],
    sign: async (input) => new Uint8Array(await subtle.sign(made ? ed25519 : p256, privateKey, input)),
  };
}
