import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createDpopProof } from '@chancery/protocol/dpop-create.js';
import { type PublicJwk, thumbprint } from '@chancery/protocol/jwk.js';
import type { FastifyRequest } from 'fastify';
import { markSurface, type Surface } from '../platform/http/surface.js';
import { SurfaceOrigins } from '../platform/http/surface-origins.js';
import { DpopNonce } from './dpop-nonce.js';
import { DpopProofs } from './dpop-proofs.js';
import { ProofChecks } from './proof-checks.js';

const NOW = Date.UTC(2026, 10, 22);
const clock = { now: () => NOW };
const nonce = new DpopNonce({ derive: () => Buffer.alloc(32, 7) } as never, clock);
const origins = new SurfaceOrigins({
  tenant: ['https://api.example', 'https://other.example'],
  public: [],
  ops: ['https://ops.example'],
});
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const jwk = publicKey.export({ format: 'jwk' }) as PublicJwk;

function requestWith(dpop: string | undefined, surface: Surface = 'tenant'): FastifyRequest {
  const raw = { url: '/oauth/token?x=1' };
  markSurface(raw as never, surface);
  return { method: 'POST', headers: { dpop }, raw } as never;
}
const proofFor = (htu: string) =>
  createDpopProof({
    sign: (data) => sign(null, data, privateKey),
    publicJwk: jwk,
    alg: 'Ed25519',
    htm: 'POST',
    htu,
    nonce: nonce.current(),
    jti: randomUUID(),
    iat: NOW / 1000,
  });
const proofs = new DpopProofs(origins, nonce, clock, new ProofChecks({} as never));

test.each(['https://api.example', 'https://other.example'])(
  'a surface may be known by several origins: %s',
  async (origin) => {
    const verdict = await proofs.check(requestWith(await proofFor(`${origin}/oauth/token`)));
    expect(verdict).toEqual({
      ok: true,
      proof: { jkt: thumbprint(jwk), proofId: expect.stringMatching(/^[0-9a-f]{64}$/), wantsNonce: false },
    });
  },
);

test('the origin of another surface is another URI', async () => {
  const proof = await proofFor('https://ops.example/oauth/token');
  expect(await proofs.check(requestWith(proof))).toEqual({ ok: false, reason: 'htu' });
  expect(await proofs.check(requestWith(proof, 'ops'))).toMatchObject({ ok: true });
});

test('says what else is wrong, whichever origin the proof names', async () => {
  const proof = await proofFor('https://other.example/oauth/token');
  const cut = `${proof.slice(0, -4)}AAAA`;
  expect(await proofs.check(requestWith(cut))).toEqual({ ok: false, reason: 'signature' });
  expect(await proofs.check(requestWith(undefined))).toEqual({ ok: false, reason: 'missing' });
  expect(await proofs.check(requestWith('x'))).toEqual({ ok: false, reason: 'malformed' });
});
