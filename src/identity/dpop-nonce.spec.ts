import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { DpopNonce, NONCE_EPOCH_MS } from './dpop-nonce.js';

const clock = { ms: 0, now: () => clock.ms };
const secretFile = () => path.join(tmpdir(), `chancery-nonce-${randomUUID()}`);
let nonce: DpopNonce;
beforeEach(async () => {
  clock.ms = Date.UTC(2026, 10, 22);
  nonce = new DpopNonce(await PlatformSecret.generateFile(secretFile()), clock);
});

test('counts for its own minute and the next one', () => {
  const given = nonce.current();
  expect(given).toMatch(/^[\w-]{22}$/);
  clock.ms += NONCE_EPOCH_MS - 1;
  expect(nonce.current()).toBe(given);
  expect(nonce.isCurrent(given)).toBe(true);
  clock.ms += 1;
  expect(nonce.isCurrent(given)).toBe(false);
  expect(nonce.accepts(given)).toBe(true);
  clock.ms += NONCE_EPOCH_MS - 1;
  expect(nonce.accepts(given)).toBe(true);
  clock.ms += 1;
  expect(nonce.accepts(given)).toBe(false);
});

test('one of the minute to come does not count yet', () => {
  clock.ms += NONCE_EPOCH_MS;
  const next = nonce.current();
  clock.ms -= NONCE_EPOCH_MS;
  expect(nonce.accepts(next)).toBe(false);
});

test('every node of a deployment gives the same; another deployment’s means nothing', async () => {
  const secret = await PlatformSecret.generateFile(secretFile());
  expect(new DpopNonce(secret, clock).accepts(new DpopNonce(secret, clock).current())).toBe(true);
  expect(nonce.accepts(new DpopNonce(secret, clock).current())).toBe(false);
});

test.each(['', 'x', 'é'.repeat(22), 'A'.repeat(22), 'A'.repeat(4_000)])('made up, it does not count: %j', (value) => {
  expect(nonce.accepts(value)).toBe(false);
});
