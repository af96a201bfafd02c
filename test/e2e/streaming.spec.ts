import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { type AppTenant, expectStatus, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { floodUntilStalled } from '../support/flood.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { beginStream, stream, textOf } from '../support/stream-call.js';

jest.setTimeout(300_000);

const SECRET = 'sk-live-0123456789abcdef';
const headers = { 'chancery-forward-authorization': 'Bearer {{CREDENTIAL}}' };
const CUT_WITHIN_MS = 30_000;
const MINUTE_MS = 60_000;

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'streamer', 'PARTNER');
  await storeCredential(tenant, 'key', SECRET, { grantTo: [agent] });
});
afterAll(() => app?.close());

const seqOf = ({ headers: { 'chancery-audit': audit } }: IncomingMessage): number =>
  Number(String(audit).split(' ')[0]);

/** What the chain says behind the intent of a use. */
async function followUps(seq: number, count = 1) {
  const all = await eventually(
    () => entriesOf(app.open, tenant.id),
    (found) => found.filter(({ entry }) => entry.details.intent === seq).length >= count,
  );
  return all.map(({ entry }) => entry).filter(({ details }) => details.intent === seq);
}

/** Lets a test write an answer while its client reads. */
function scripted(path: string): Promise<ServerResponse> {
  return new Promise((resolve) => {
    upstream.on(path, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-bytes': 'caf\xe9' });
      response.write(Buffer.alloc(0));
      resolve(response);
    });
  });
}

test('an SSE stream arrives piece by piece, before the upstream has ended', async () => {
  const opened = scripted('/sse');
  const answer = await stream(agent, '/sse', { headers });
  const sse = await opened;
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'text/event-stream']);
  expect(answer.headers['chancery-audit']).toMatch(/^\d+ [0-9a-f]{64}$/);
  expect(answer.headers['x-bytes']).toBe('caf\xe9');
  expect(answer.headers).not.toHaveProperty('chancery-error');
  const pieces = answer[Symbol.asyncIterator]();
  const next = async () => String((await pieces.next()).value);
  sse.write('data: one\n\n');
  expect(await next()).toBe('data: one\n\n');
  sse.write(`data: two ${SECRET.slice(0, 9)}`);
  // ATTACKS 31: held back is what could still become the secret, and nothing else.
  expect(await next()).toBe('data: two ');
  sse.write(`${SECRET.slice(9)}\n\n`);
  expect(await next()).toBe('[redacted]\n\n');
  sse.end();
  expect((await pieces.next()).done).toBe(true);
  expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${SECRET}`);
});

test('P3: the same entries as execute: an intent, its outcome, and one for what was redacted', async () => {
  upstream.on('/echo', (_, response) => {
    response.writeHead(200, `is ${SECRET}`, { 'x-echo': SECRET, [`x-${SECRET}`]: 'a', 'chancery-error': 'spoofed' });
    response.end(`${SECRET} and ${Buffer.from(SECRET).toString('hex')}`);
  });
  const answer = await stream(agent, '/echo?q=1', { headers: { ...headers, 'chancery-purpose': 'caf%C3%A9' } });
  expect([answer.statusMessage, answer.headers['x-echo'], answer.headers['x-redacted']]).toEqual([
    'is [redacted]',
    '[redacted]',
    'a',
  ]);
  expect(answer.headers).not.toHaveProperty('chancery-error');
  expect(await textOf(answer)).toBe('[redacted] and [redacted]');
  const seq = seqOf(answer);
  const [outcome, redacted] = await followUps(seq, 2);
  expect(outcome).toMatchObject({
    action: 'credential.use.outcome',
    outcome: 'success',
    details: { status: 200, bytes: 25, redactions: 5 },
  });
  expect(redacted).toMatchObject({
    action: 'credential.redacted',
    actor: `agent:${agent.id}`,
    details: { intent: seq, count: 5, places: ['status', 'header', 'body'] },
  });
  const intent = (await entriesOf(app.open, tenant.id)).find(({ entry }) => entry.seq === seq)?.entry;
  expect(intent).toMatchObject({
    outcome: 'intent',
    details: { name: 'key', method: 'GET', purpose: 'café', url: 'https://api.upstream.test/echo' },
  });
});

const CODINGS: readonly (readonly [string, (text: string) => Buffer])[] = [
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
];
test.each(CODINGS)('ATTACKS 30: under %s, split anywhere, it is redacted', async (coding, encode) => {
  const coded = encode(`before ${SECRET} behind`);
  upstream.on('/coded', (_, response) => {
    response.writeHead(200, { 'content-encoding': coding });
    for (const byte of coded) response.write(Buffer.of(byte));
    response.end();
  });
  const answer = await stream(agent, '/coded', { headers });
  expect(await textOf(answer)).toBe('before [redacted] behind');
  expect(answer.headers).not.toHaveProperty('content-encoding');
});

test('ATTACKS 28: trailers go to who asked for them, redacted, and to nobody else', async () => {
  upstream.on('/trailers', (_, response) => {
    response.writeHead(200, { trailer: 'x-checksum, x-echo' });
    response.write('body');
    response.addTrailers({ 'x-checksum': 'abc', 'x-echo': `key ${SECRET}` });
    response.end();
  });
  const asking = await stream(agent, '/trailers', { headers: { ...headers, te: 'trailers' } });
  expect(await textOf(asking)).toBe('body');
  expect(asking.trailers).toEqual({ 'x-checksum': 'abc', 'x-echo': 'key [redacted]' });
  expect(upstream.received.at(-1)?.headers.te).toBe('trailers');
  expect((await followUps(seqOf(asking), 2))[1]).toMatchObject({ details: { places: ['trailer'] } });
  const silent = await stream(agent, '/trailers', { headers });
  await textOf(silent);
  expect(silent.trailers).toEqual({});
});

test('ATTACKS 38: a client that goes away ends the upstream call, and the outcome is cut', async () => {
  const opened = scripted('/abandoned');
  const answer = await stream(agent, '/abandoned', { headers });
  const sse = await opened;
  const closed = once(sse, 'close');
  answer.destroy();
  await closed;
  expect(await followUps(seqOf(answer))).toMatchObject([{ outcome: 'cut', details: { status: 200 } }]);
});

test('ATTACKS 38: so does one that goes away before the upstream has answered', async () => {
  upstream.hangOn('/hangs');
  const request = await beginStream(agent, '/hangs', { headers });
  request.on('error', () => undefined).end();
  await eventually(
    () => upstream.hanging,
    (hanging) => hanging === 1,
  );
  const before = upstream.givenUp;
  request.destroy();
  const givenUp = await eventually(
    () => upstream.givenUp,
    (now) => now > before,
  );
  expect(givenUp).toBe(before + 1);
});

test('ATTACKS 39: a brake cuts a stream at once, and nobody takes it for a whole one', async () => {
  const braked = await app.newAgent(tenant, 'braked', 'PARTNER');
  expectStatus(await tenant.admin('PUT', `/v1/credentials/key/grants/${braked.id}`), 200);
  const opened = scripted('/braked');
  const answer = await stream(braked, '/braked', { headers });
  const sse = await opened;
  const closed = once(sse, 'close');
  const whole = textOf(answer);
  whole.catch(() => undefined);
  sse.write('data: one\n\n');
  const startedAt = performance.now();
  const brake = { scope: 'agent', agent_id: braked.id, reason: 'test' };
  expectStatus(await tenant.admin('POST', '/v1/brakes', brake), 201);
  await expect(whole).rejects.toThrow('aborted');
  await closed;
  // A second is what is promised of a machine that has nothing else to do; a stream that is not cut goes on for minutes.
  expect(performance.now() - startedAt).toBeLessThan(CUT_WITHIN_MS);
  expect(await followUps(seqOf(answer))).toMatchObject([{ outcome: 'cut', details: { code: 'call_cut' } }]);
});

test('ATTACKS 38: the deadline is total: 504 before the head, a broken connection after it', async () => {
  const within = (ms: number) => ({ headers: { ...headers, 'chancery-timeout-ms': String(ms) } });
  upstream.hangOn('/slow');
  const late = await stream(agent, '/slow', within(150));
  expect([late.statusCode, late.headers['chancery-error']]).toEqual([504, 'upstream_timeout']);
  expect(JSON.parse(await textOf(late))).toMatchObject({ code: 'upstream_timeout' });
  upstream.on('/endless', (_, response) => {
    const drip = setInterval(() => response.write('.'), 20);
    response.once('close', () => clearInterval(drip));
  });
  // A machine that has not even the head in time gets more of it.
  let ms = 150;
  let answer = await stream(agent, '/endless', within(ms));
  for (; answer.statusCode === 504 && ms < MINUTE_MS; ms *= 4) {
    answer.resume();
    answer = await stream(agent, '/endless', within(4 * ms));
  }
  await expect(textOf(answer)).rejects.toThrow('aborted');
  expect(await followUps(seqOf(answer))).toMatchObject([
    { outcome: 'failure', details: { code: 'upstream_timeout', status: 200 } },
  ]);
});

test('every line of a header passes, also beside the nonce that the answer brings', async () => {
  upstream.on('/cookies', (_, response) => response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end());
  // A nonce is of its minute, and holds in the next one: both looks are from the beginning of one.
  const beginsInMs = MINUTE_MS - (Date.now() % MINUTE_MS);
  app.clock.aheadMs = beginsInMs;
  expectStatus(await agent.call('GET', '/v1/whoami'), 200);
  for (const isNext of [false, true]) {
    app.clock.aheadMs = beginsInMs + (isNext ? MINUTE_MS : 0);
    const answer = await stream(agent, '/cookies', { headers });
    await textOf(answer);
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect('dpop-nonce' in answer.headers).toBe(isNext);
  }
  app.clock.aheadMs = 0;
});

test('an upstream that breaks off is passed on as broken off', async () => {
  const opened = scripted('/broken');
  const answer = await stream(agent, '/broken', { headers });
  const sse = await opened;
  sse.write('half of');
  setImmediate(() => sse.destroy());
  await expect(textOf(answer)).rejects.toThrow('aborted');
  expect(await followUps(seqOf(answer))).toMatchObject([{ details: { code: 'upstream_protocol_error' } }]);
});

test('a client that does not read slows the upstream down, and a brake ends that too', async () => {
  const idle = await app.newAgent(tenant, 'idle', 'PARTNER');
  expectStatus(await tenant.admin('PUT', `/v1/credentials/key/grants/${idle.id}`), 200);
  const opened = scripted('/flood');
  const answer = await stream(idle, '/flood', { headers });
  const flood = await opened;
  expect(await floodUntilStalled(flood)).toBeLessThan(32 * 1_048_576);
  const closed = once(flood, 'close');
  expectStatus(await tenant.admin('POST', '/v1/brakes', { scope: 'agent', agent_id: idle.id, reason: 'test' }), 201);
  await closed;
  answer.destroy();
  expect(await followUps(seqOf(answer))).toMatchObject([{ outcome: 'cut' }]);
});

test.each([
  ['HEAD', 200, { 'content-length': '42', etag: '"a"' }],
  ['GET', 204, { etag: '"a"' }],
  ['GET', 304, { etag: '"a"' }],
] as const)('%s %d has no body, and ends', async (method, status, head) => {
  upstream.on('/empty', (_, response) => response.writeHead(status, head).end());
  const answer = await stream(agent, '/empty', { method, headers });
  expect(await textOf(answer)).toBe('');
  expect([answer.statusCode, answer.headers.etag]).toEqual([status, '"a"']);
  expect(answer.headers['content-length']).toBe(method === 'HEAD' ? '42' : undefined);
});
