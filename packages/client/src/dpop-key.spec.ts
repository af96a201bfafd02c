import { createPublicKey, verify } from 'node:crypto';
import { checkDpopProof } from '@chancery/protocol/dpop.js';
import { DpopKey, webSigner } from './dpop-key.js';

const claims = { method: 'post', url: 'https://api.test/v1?a=1', nonce: 'n', accessToken: 't', now: new Date() };

const check = (proof: string) =>
  checkDpopProof({
    proof,
    htm: 'POST',
    htu: 'https://api.test/v1',
    now: Math.floor(claims.now.getTime() / 1000),
    nonce: (value) => value === 'n',
    accessToken: 't',
    verify: (alg, jwk, input, signature) => {
      const key = createPublicKey({ key: jwk as never, format: 'jwk' });
      if (alg === 'Ed25519') return verify(null, input, key, signature);
      return verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, signature);
    },
  });

describe('where there is no node:crypto', () => {
  const builtin = process.getBuiltinModule.bind(process);
  beforeEach(() => {
    process.getBuiltinModule = () => undefined as never;
  });
  afterEach(() => {
    process.getBuiltinModule = builtin;
    jest.restoreAllMocks();
  });

  test('WebCrypto signs', async () => {
    const made = jest.spyOn(crypto.subtle, 'generateKey');
    expect(await check(await DpopKey.generate().proof(claims))).toMatchObject({ ok: true });
    expect(made).toHaveBeenCalled();
  });

  test('and without Ed25519 it signs with ES256', async () => {
    const generate = crypto.subtle.generateKey.bind(crypto.subtle) as (...args: unknown[]) => Promise<never>;
    jest.spyOn(crypto.subtle, 'generateKey').mockImplementation((...args: unknown[]) => {
      const { name } = args[0] as { name: string };
      return name === 'Ed25519' ? Promise.reject(new Error('unknown')) : generate(...args);
    });
    expect((await webSigner()).alg).toBe('ES256');
    expect(await check(await DpopKey.generate().proof(claims))).toMatchObject({ ok: true });
  });
});

test('with it, node:crypto does', async () => {
  const made = jest.spyOn(crypto.subtle, 'generateKey');
  expect(await check(await DpopKey.generate().proof(claims))).toMatchObject({ ok: true });
  expect(made).not.toHaveBeenCalled();
});
