import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { DpopNonce, NONCE_EPOCH_MS } from './dpop-nonce.js';
import { nonceStanding } from './nonces.js';

const clock = { ms: 0, now: () => clock.ms };
const secretFile = () => path.join(tmpdir(), `chancery-nonce-${randomUUID()}`);
let nonce: DpopNonce;
const standing = (value: string, of = nonce) => nonceStanding(of.known(), value);
beforeEach(async () => {
  clock.ms = Date.UTC(2026, 10, 22);
  nonce = new DpopNonce(await PlatformSecret.generateFile(secretFile()), clock);
});

test('counts for its own minute and the next one', () => {
  const given = nonce.current();
  expect(given).toMatch(/^[\w-]{22}$/);
  clock.ms += NONCE_EPOCH_MS - 1;
  expect(nonce.current()).toBe(given);
  expect(standing(given)).toBe('current');
  clock.ms += 1;
  expect(standing(given)).toBe('before');
  clock.ms += NONCE_EPOCH_MS - 1;
  expect(standing(given)).toBe('before');
  clock.ms += 1;
  expect(standing(given)).toBe('unknown');
});

test('one of the minute to come does not count yet', () => {
  clock.ms += NONCE_EPOCH_MS;
  const next = nonce.current();
  clock.ms -= NONCE_EPOCH_MS;
  expect(standing(next)).toBe('unknown');
});

test('every node of a deployment gives the same; another deployment’s means nothing', async () => {
  const secret = await PlatformSecret.generateFile(secretFile());
  expect(standing(new DpopNonce(secret, clock).current(), new DpopNonce(secret, clock))).toBe('current');
  expect(standing(new DpopNonce(secret, clock).current())).toBe('unknown');
});

test.each(['', 'x', 'é'.repeat(22), 'A'.repeat(22), 'A'.repeat(4_000)])('made up, it does not count: %j', (value) => {
  expect(standing(value)).toBe('unknown');
});
