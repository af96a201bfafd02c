import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createDpopProof } from '@chancery/protocol/dpop-create.js';
import { type PublicJwk, thumbprint } from '@chancery/protocol/jwk.js';
import { createLog } from '../platform/telemetry/logger.js';
import type { ProofQuestion } from './proof-checker.js';
import { ProofChecks } from './proof-checks.js';

const NOW = 1_800_000_000;
const NONCES = { current: 'this-minute', before: 'the-one-before' };
const htu = 'https://api.example/v1/whoami';
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const publicJwk = publicKey.export({ format: 'jwk' }) as PublicJwk;
const log = createLog({ level: 'silent' });

async function question(nonce: string, change: Partial<ProofQuestion> = {}): Promise<ProofQuestion> {
  const proof = await createDpopProof({
    sign: (data) => sign(null, data, privateKey),
    publicJwk,
    alg: 'Ed25519',
    htm: 'GET',
    htu,
    nonce,
    jti: randomUUID(),
    iat: NOW,
  });
  return { proof, htm: 'GET', htu, now: NOW, nonces: NONCES, ...change };
}

async function someQuestions(): Promise<ProofQuestion[]> {
  const good = await question(NONCES.current);
  return [
    good,
    await question(NONCES.before),
    await question('another'),
    { ...good, htm: 'POST' },
    { ...good, proof: `${good.proof.slice(0, -4)}AAAA` },
    { ...good, proof: 'x'.repeat(5_000) },
    { ...good, bound: { ath: 'of another token', jkt: thumbprint(publicJwk) } },
  ];
}

const EXPECTED = [
  {
    ok: true,
    proof: { jkt: thumbprint(publicJwk), proofId: expect.stringMatching(/^[0-9a-f]{64}$/), wantsNonce: false },
  },
  { ok: true, proof: expect.objectContaining({ wantsNonce: true }) },
  { ok: false, reason: 'use_dpop_nonce' },
  { ok: false, reason: 'htm' },
  { ok: false, reason: 'signature' },
  { ok: false, reason: 'malformed' },
  { ok: false, reason: 'ath' },
];

let checks: ProofChecks;
beforeEach(() => void (checks = new ProofChecks(log)));
afterEach(() => checks.onModuleDestroy());

test('several at once are answered by the thread, one alone is answered here, and both say the same', async () => {
  const questions = await someQuestions();
  expect(checks.hasThread).toBe(false);
  const alone = [];
  for (const one of questions) alone.push(await checks.check(one));
  expect(checks.hasThread).toBe(false);
  const together = await Promise.all(questions.map((one) => checks.check(one)));
  expect(checks.hasThread).toBe(true);
  expect(alone).toEqual(EXPECTED);
  expect(together).toEqual(EXPECTED);
});

test('what the thread was asked when it ended is answered here, and so is everything after it', async () => {
  const questions = await someQuestions();
  const asked = Promise.all(questions.map((one) => checks.check(one)));
  await new Promise((resolve) => setImmediate(resolve));
  await checks.onModuleDestroy();
  expect(await asked).toEqual(EXPECTED);
  expect(await Promise.all(questions.map((one) => checks.check(one)))).toEqual(EXPECTED);
  expect(checks.hasThread).toBe(false);
});

test('a thread that cannot start costs speed, nothing else', async () => {
  const without = new ProofChecks(log, '/nowhere/proof-worker.js');
  const questions = await someQuestions();
  expect(await Promise.all(questions.map((one) => without.check(one)))).toEqual(EXPECTED);
  expect(without.hasThread).toBe(false);
});
