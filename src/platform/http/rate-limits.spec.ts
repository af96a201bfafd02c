import 'reflect-metadata';
import { startNotes } from '../../../test/support/notes.fixture.js';
import { clientNetwork } from './client-network.js';
import { BUCKETS_MAX, TokenBuckets } from './token-buckets.js';

test('a bucket lets its quota through at once and then one at a time', () => {
  const buckets = new TokenBuckets(60);
  for (let i = 0; i < 60; i++) expect(buckets.take('a', 0).allowed).toBe(true);
  expect(buckets.take('a', 0)).toEqual({ allowed: false, remaining: 0, resetSeconds: 1 });
  expect(buckets.take('b', 0).allowed).toBe(true);
  expect(buckets.take('a', 999).allowed).toBe(false);
  expect(buckets.take('a', 1_000).allowed).toBe(true);
  expect(buckets.take('a', 1_000).allowed).toBe(false);
});

test('being refused costs nothing, and a bucket never holds more than its quota', () => {
  const buckets = new TokenBuckets(2);
  buckets.take('a', 0);
  buckets.take('a', 0);
  for (let i = 0; i < 100; i++) buckets.take('a', 1);
  expect(buckets.take('a', 30_000).allowed).toBe(true);
  expect(buckets.take('a', 9_999_999).remaining).toBe(1);
});

test('P20: a flood of keys costs no more than its bound', () => {
  const buckets = new TokenBuckets(1);
  for (let i = 0; i < BUCKETS_MAX + 1_000; i++) buckets.take(String(i), 0);
  expect((buckets as unknown as { buckets: { size: number } }).buckets.size).toBe(BUCKETS_MAX);
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
  ['2001:db8:1:2:ffff::1', '2001:db8:1:2::'],
  ['fe80::1%eth0', 'fe80::'],
  [undefined, 'local'],
])('%s counts as %s', (address, network) => expect(clientNetwork(address)).toBe(network));

test('past the limit: 429 with Retry-After, before the body is read; the token route has a stricter one', async () => {
  const app = await startNotes({ RATE_ADDRESS_PER_MINUTE: '5', RATE_TOKEN_PER_MINUTE: '1' });
  const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1' };
  try {
    const first = await fetch(`${app.at.tenant}/oauth/token`, form);
    expect([first.status, first.headers.get('ratelimit-policy')]).toEqual([200, '"token";q=1;w=60']);
    const second = await fetch(`${app.at.tenant}/oauth/token`, form);
    expect(second.status).toBe(429);
    const retryAfter = Number(second.headers.get('retry-after'));
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(retryAfter).toBeGreaterThan(40);
    expect(await second.json()).toMatchObject({ code: 'rate_limited', retry_after_seconds: retryAfter });
    const other = await fetch(`${app.at.tenant}/v1/notes/1`);
    expect([other.status, other.headers.get('ratelimit')]).toEqual([
      200,
      expect.stringMatching(/^"address";r=2;t=\d+$/),
    ]);
    await fetch(`${app.at.tenant}/v1/nothing`);
    await fetch(`${app.at.tenant}/v1/nothing`);
    expect((await fetch(`${app.at.ops}/v1/nothing`)).status).toBe(429);
  } finally {
    await app.close();
  }
});

test('X-Forwarded-For counts only from a trusted terminator', async () => {
  const spoofing = (n: number) => ({ headers: { 'x-forwarded-for': `198.51.100.${n}` } });
  const statuses = async (env: Record<string, string>) => {
    const app = await startNotes({ RATE_ADDRESS_PER_MINUTE: '1', ...env });
    const seen = [];
    for (const n of [1, 2]) seen.push((await fetch(`${app.at.tenant}/v1/notes/1`, spoofing(n))).status);
    await app.close();
    return seen;
  };
  expect(await statuses({})).toEqual([200, 429]);
  expect(await statuses({ CHANCERY_TRUSTED_PROXIES: '127.0.0.0/8' })).toEqual([200, 200]);
});
