import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type AppTenant, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answerTo, beginStream, stream, type StreamOptions, textOf } from '../support/stream-call.js';

jest.setTimeout(300_000);

const SECRET = 'sk-live/0123+456789=abc"def"';
const AUTHORIZATION = { 'chancery-forward-authorization': 'Bearer {{CREDENTIAL}}' };
const PLACE = '%7B%7BCREDENTIAL%7D%7D';
const STREAM_BYTES_MAX = 96 * 1_048_576;

const upstream = new ScriptedUpstream();
let counted = 0;
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({
    env: { STREAM_BYTES_MAX: String(STREAM_BYTES_MAX) },
    upstream: (request, response) => {
      if (request.url !== '/count') return upstream.listener(request, response);
      counted = 0;
      request.on('data', (piece: Buffer) => (counted += piece.length));
      request.on('end', () => response.end(String(counted)));
    },
  });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'streamer', 'PARTNER');
  await storeCredential(tenant, 'key', SECRET, { grantTo: [agent] });
});
afterAll(() => app?.close());

const received = () => upstream.received.at(-1);

/** Sends it, and answers with the code of the refusal. */
async function refusal(path: string, options: StreamOptions = {}) {
  const count = upstream.received.length;
  const answer = await stream(agent, path, options);
  const body = JSON.parse((await textOf(answer)) || '{}') as { code?: string; detail?: string };
  expect(upstream.received).toHaveLength(count);
  expect(answer.headers['chancery-error']).toBe(body.code);
  return [answer.statusCode, body.code];
}

const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };
test.each<[string, string, StreamOptions, object]>([
  ['the path', `/a/${PLACE}/b%2Fc`, {}, { target: `/a/${encodeURIComponent(SECRET)}/b%2Fc` }],
  ['a query value', `/q?a=1&key=${PLACE}`, {}, { target: `/q?a=1&key=${encodeURIComponent(SECRET)}` }],
  [
    'a header',
    '/',
    { headers: { 'x-api-key': '{{CREDENTIAL}}' } },
    { headers: expect.objectContaining({ 'x-api-key': SECRET }) },
  ],
  [
    'a JSON body',
    '/',
    { method: 'POST', headers: json, body: '{"key":"{{CREDENTIAL}}"}' },
    { body: JSON.stringify({ key: SECRET }) },
  ],
  [
    'a form body',
    '/',
    { method: 'PUT', headers: form, body: 'key={{CREDENTIAL}}&a=b' },
    { body: `key=${encodeURIComponent(SECRET)}&a=b` },
  ],
])('a placeholder in %s', async (_, path, options, wanted) => {
  const answer = await stream(agent, path, options);
  expect([answer.statusCode, await textOf(answer)]).toEqual([200, '{}']);
  expect(received()).toMatchObject({ method: options.method ?? 'GET', ...wanted });
});

test('a body without a placeholder goes on as it is, whatever its type and whatever else is in it', async () => {
  for (const [type, body] of [
    ['application/json', '{"prompt":"write {{USER_NAME}}"}'],
    ['application/json', 'not json'],
    ['application/octet-stream', '{{CREDENTIAL}}'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['text/plain; charset=utf-16le', Buffer.from('{{CREDENTIAL}}', 'utf16le').toString('latin1')],
  ] as const) {
    const answer = await stream(agent, '/', {
      method: 'POST',
      headers: { ...AUTHORIZATION, 'content-type': type },
      body,
    });
    expect(await textOf(answer)).toBe('{}');
    expect(received()).toMatchObject({
      body,
      headers: { 'content-type': type, 'content-length': String(body.length) },
    });
  }
});

test('no placeholder anywhere: the default injection of the credential, or 400', async () => {
  expect(await refusal('/')).toEqual([400, 'placeholder_missing']);
  const injection = { kind: 'scheme', scheme: 'Bearer' };
  await storeCredential(tenant, 'injected', SECRET, { grantTo: [agent], more: { injection } });
  const dummy = { 'chancery-forward-authorization': 'Bearer dummy' };
  for (const headers of [{}, dummy]) {
    const answer = await stream(agent, '/', { credential: 'injected', headers });
    expect(await textOf(answer)).toBe('{}');
    expect(received()?.headers.authorization).toBe(`Bearer ${SECRET}`);
  }
});

test('ATTACKS 21: what belongs to the connection or to Chancery stays behind; the rest passes', async () => {
  const answer = await stream(agent, '/', {
    method: 'POST',
    headers: {
      ...AUTHORIZATION,
      connection: 'keep-alive, x-hop',
      'x-hop': '1',
      'keep-alive': 'timeout=5',
      'proxy-authorization': 'Basic eA==',
      'accept-encoding': 'gzip, zstd',
      expect: '100-continue',
      upgrade: 'websocket',
      te: 'deflate',
      'chancery-purpose': 'test',
      cookie: 'a=b',
      'user-agent': 'sdk/1',
    },
    body: Buffer.from('text'),
  });
  expect(await textOf(answer)).toBe('{}');
  const { dpop, ...headers } = received()?.headers ?? {};
  expect([dpop, headers]).toEqual([
    undefined,
    {
      host: UPSTREAM_HOST,
      connection: 'keep-alive',
      authorization: `Bearer ${SECRET}`,
      cookie: 'a=b',
      'user-agent': 'sdk/1',
      'accept-encoding': 'identity',
      'transfer-encoding': 'chunked',
    },
  ]);
});

test('bytes above ASCII in a header pass as they are', async () => {
  const bytes = Buffer.from('café').toString('latin1');
  const answer = await stream(agent, '/', { headers: { ...AUTHORIZATION, 'x-utf8': bytes } });
  expect(await textOf(answer)).toBe('{}');
  expect(received()?.headers['x-utf8']).toBe(bytes);
});

test.each<[string, string, StreamOptions, [number, string]]>([
  ['ATTACKS 1: user information', '', { target: `https/api.upstream.test@evil.com/` }, [400, 'url_refused']],
  ['ATTACKS 3: another host', '', { target: 'https/evil.com/' }, [403, 'domain_not_allowed']],
  ['ATTACKS 6: an escaped host', '', { target: 'https/api.upstream.test%2Eevil.com/' }, [400, 'malformed_request']],
  ['ATTACKS 7: another port', '', { target: `https/${UPSTREAM_HOST}:8443/` }, [403, 'domain_not_allowed']],
  ['ATTACKS 8: another scheme', '', { target: `ftp/${UPSTREAM_HOST}/` }, [400, 'url_refused']],
  ['ATTACKS 9: a placeholder in the host', '', { target: `https/${PLACE}.evil.com/` }, [400, 'template_refused']],
  ['ATTACKS 9: a placeholder in the scheme', '', { target: `${PLACE}/${UPSTREAM_HOST}/` }, [400, 'template_refused']],
  ['ATTACKS 22: TRACE', '/', { method: 'TRACE' }, [400, 'template_refused']],
  ['ATTACKS 23: dot segments', '/a/../b', {}, [400, 'malformed_request']],
  ['ATTACKS 23: escaped dot segments', '/a/%2E%2E/b', {}, [400, 'malformed_request']],
  ['ATTACKS 21: Host', '/', { headers: { 'chancery-forward-host': 'evil.com' } }, [400, 'template_refused']],
  ['ATTACKS 32: Range', '/', { headers: { range: 'bytes=0-1' } }, [400, 'template_refused']],
  ['a control header that does not exist', '/', { headers: { 'chancery-timeout': '1' } }, [400, 'invalid_request']],
  ['a deadline past the longest', '/', { headers: { 'chancery-timeout-ms': '900001' } }, [400, 'invalid_request']],
  ['a credential nobody has', '/', { credential: 'nobodys' }, [404, 'credential_not_found']],
])('refused: %s', async (_, path, options, wanted) => {
  expect(await refusal(path, { ...options, headers: { ...AUTHORIZATION, ...options.headers } })).toEqual(wanted);
});

test('P10: a proof is good for one request on this route too', async () => {
  const request = await beginStream(agent, '/', { headers: AUTHORIZATION });
  const dpop = String(request.getHeader('dpop'));
  request.end();
  expect(await textOf(await answerTo(request))).toBe('{}');
  expect(await refusal('/', { headers: { ...AUTHORIZATION, dpop } })).toEqual([401, 'invalid_dpop_proof']);
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (what: { type: 'minor' }) => void;

/**
 * What is held: of what is garbage, a busy machine collects little, and late. What is new is looked through in no time; all
 * that a worker of Jest holds takes seconds, and a node that stands still so long has lost its lease.
 */
function bytesHeld(): number {
  for (let time = 0; time < 2; time += 1) collect({ type: 'minor' });
  return process.memoryUsage().arrayBuffers;
}

test('a large upload streams through in flat memory, and past the limit it is refused', async () => {
  const piece = Buffer.alloc(262_144, 'x');
  const lookAt = 128 * piece.length;
  const upload = async (bytes: number, headers: Record<string, string>) => {
    const request = await beginStream(agent, '/count', { method: 'POST', headers: { ...AUTHORIZATION, ...headers } });
    request.on('error', () => undefined);
    const answer = answerTo(request);
    let held = Infinity;
    for (let sent = 0; sent < bytes && !request.destroyed && !request.writableFinished; sent += piece.length) {
      if (!request.write(piece)) await Promise.race([once(request, 'drain'), answer]);
      if (sent === lookAt) held = bytesHeld();
    }
    request.end();
    return { answer: await answer, held };
  };
  const before = bytesHeld();
  const bytes = 64 * 1_048_576;
  const known = await upload(bytes, { 'content-length': String(bytes) });
  expect(await textOf(known.answer)).toBe(String(bytes));
  // When half of it was sent.
  expect(known.held - before).toBeLessThan(bytes / 4);
  const chunked = await upload(8 * 1_048_576, { 'content-type': 'application/json' });
  expect(await textOf(chunked.answer)).toBe(String(8 * 1_048_576));
  const announced = await upload(1, { 'content-length': String(STREAM_BYTES_MAX + 1) });
  expect([announced.answer.statusCode, announced.answer.headers['chancery-error']]).toEqual([413, 'payload_too_large']);
  announced.answer.destroy();
});

test('what a chunked upload carries past the limit is neither read nor sent', async () => {
  const small = await startApp({ env: { STREAM_BYTES_MAX: '65536' }, upstream: upstream.listener });
  try {
    const owner = await small.newTenant();
    const sender = await small.newAgent(owner, 'sender', 'PARTNER');
    await storeCredential(owner, 'key', SECRET, { grantTo: [sender] });
    const answer = await stream(sender, '/', {
      method: 'POST',
      headers: { ...AUTHORIZATION, 'transfer-encoding': 'chunked' },
      body: Buffer.alloc(200_000),
    });
    expect([answer.statusCode, answer.headers['chancery-error']]).toEqual([413, 'payload_too_large']);
    const outcomes = await eventually(
      async () =>
        (await entriesOf(small.open, owner.id)).filter(({ entry }) => entry.action === 'credential.use.outcome'),
      (found) => found.length === 1,
    );
    expect(outcomes.map(({ entry }) => entry.details.code)).toEqual(['payload_too_large']);
  } finally {
    await small.close();
  }
});
