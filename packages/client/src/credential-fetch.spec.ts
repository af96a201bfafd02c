import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { AGENT_ID, AGENT_KEY, FakeChancery } from '../test/fake-chancery.js';
import { FakeProxy } from '../test/fake-proxy.js';
import { problem } from '../test/fake-surface.js';
import { Chancery, ChanceryError, PLACEHOLDER, type FetchOptions } from './chancery.js';

let fake: FakeChancery;
let proxy: FakeProxy;
let chancery: Chancery;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  proxy = new FakeProxy(fake);
  chancery = await Chancery.connect({ url: fake.tenant.url, agentId: AGENT_ID, apiKey: AGENT_KEY });
});
afterEach(async () => {
  await chancery.close();
  await fake.stop();
});

const URL_ASKED = 'https://api.test/v1/things?b=2&a=1';
const fetchWith = (options?: FetchOptions) => chancery.fetch('a key/x', options);
const last = () => proxy.asked.at(-1)!;

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
/** Answers with what the upstream was sent. */
const echo = () => {
  proxy.upstream = async (request, response) => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, headers, body: await textOf(request) }));
  };
};
const slowly = (chunks: readonly string[]) =>
  new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = chunks[0];
      chunks = chunks.slice(1);
      await new Promise((resolve) => setImmediate(resolve));
      if (chunk === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  });

describe('what the upstream is asked', () => {
  beforeEach(echo);

  test('path, query, method, headers and body, with the key where the placeholder stood', async () => {
    const headers = { authorization: `Bearer ${PLACEHOLDER}`, 'x-own': '1', cookie: 'a=b', prefer: 'minimal' };
    const answer = await fetchWith()(`${URL_ASKED}#part`, { method: 'post', headers, body: '{"a":1}' });
    expect(answer).toMatchObject({ status: 200, url: URL_ASKED, redirected: false, ok: true });
    expect(answer.clone().url).toBe(URL_ASKED);
    const seen = (await answer.json()) as Record<string, unknown>;
    expect(seen).toMatchObject({ method: 'POST', url: '/v1/things?b=2&a=1', body: '{"a":1}' });
    expect(seen.headers).toMatchObject({ ...headers, authorization: 'Bearer sk-real-key' });
    expect(last()).toMatchObject({ credential: 'a key/x', url: URL_ASKED });
    expect(last().headers['content-length']).toBe('7');
  });

  test.each<[string, RequestInit, string, RegExp]>([
    ['a string', { body: 'text' }, 'text', /^text\/plain;charset=UTF-8$/],
    ['a form', { body: new URLSearchParams({ a: '1' }) }, 'a=1', /^application\/x-www-form-urlencoded/],
    ['bytes', { body: Buffer.from('bytes') }, 'bytes', /^undefined$/],
    ['a Blob', { body: new Blob(['blob'], { type: 'a/b' }) }, 'blob', /^a\/b$/],
    ['a stream', { body: slowly(['one', 'two']), duplex: 'half' }, 'onetwo', /^undefined$/],
    [
      'a stream with a type',
      { body: slowly(['x']), duplex: 'half', headers: { 'content-type': 'c/d' } },
      'x',
      /^c\/d$/,
    ],
  ])('%s as the body', async (_what, init, body, type) => {
    const seen = (await (await fetchWith()(URL_ASKED, { method: 'PUT', ...init })).json()) as {
      headers: Record<string, string>;
    };
    expect(seen).toMatchObject({ method: 'PUT', body });
    expect(String(seen.headers['content-type'])).toMatch(type);
  });

  test('a multipart form keeps its boundary', async () => {
    const form = new FormData();
    form.set('file', new Blob(['content']), 'name.txt');
    const seen = (await (await fetchWith()(URL_ASKED, { method: 'POST', body: form })).json()) as {
      headers: Record<string, string>;
      body: string;
    };
    const [, boundary] = /boundary=(.+)$/.exec(String(seen.headers['content-type']))!;
    expect(seen.body).toContain(`--${boundary}--`);
    expect(seen.body).toContain('filename="name.txt"');
  });

  test('a Request, and a URL', async () => {
    const request = new Request(URL_ASKED, { method: 'PATCH', body: 'b', headers: { 'x-own': '2' } });
    const seen = (await (await fetchWith()(request)).json()) as Record<string, unknown>;
    expect(seen).toMatchObject({ method: 'PATCH', body: 'b', headers: { 'x-own': '2' } });
    expect(request.bodyUsed).toBe(true);
    expect((await fetchWith()(new URL(URL_ASKED))).url).toBe(URL_ASKED);
  });

  test.each<[string, () => RequestInit]>([
    ['text', () => ({ body: JSON.stringify({ prompt: 'what is {{CREDENTIAL}}?' }) })],
    ['bytes', () => ({ body: Buffer.from(JSON.stringify({ prompt: 'what is {{CREDENTIAL}}?' })) })],
    ['a stream', () => ({ body: slowly(['{"prompt":"what is {', '{CREDENTIAL}}?"}']), duplex: 'half' })],
  ])('a JSON body of %s that mentions the placeholder is not sent with the key in it', async (_what, init) => {
    const headers = { 'content-type': 'application/json' };
    const sent = async (options: FetchOptions) => {
      const answer = await fetchWith(options)(URL_ASKED, { method: 'POST', headers, ...init() });
      return ((await answer.json()) as { body: string }).body;
    };
    expect(JSON.parse(await sent({}))).toEqual({ prompt: 'what is {{CREDENTIAL}}?' });
    expect(await sent({})).not.toContain('{{CREDENTIAL');
    expect(await sent({ placeholdersInJson: true })).toContain('{{CREDENTIAL}}');
  });

  test('headers of the hop do not travel', async () => {
    const headers = { connection: 'keep-alive', te: 'trailers', 'content-length': '99', host: 'evil.test' };
    await fetchWith()(URL_ASKED, { method: 'POST', headers, body: 'abc' });
    expect(last().headers).toMatchObject({ 'content-length': '3', host: new URL(fake.tenant.url).host });
  });

  test('options travel as control headers, and a header of the request wins', async () => {
    const send = fetchWith({ purpose: 'Zoë asks', version: 3, timeoutMs: 1500, approvalId: 'apr_1', wait: 600 });
    await send(URL_ASKED);
    const options = { 'chancery-version': '3', 'chancery-timeout-ms': '1500', 'chancery-approval-id': 'apr_1' };
    expect(last().headers).toMatchObject({ ...options, 'chancery-purpose': 'Zo%C3%AB%20asks', prefer: 'wait=60' });
    await send(URL_ASKED, { headers: { 'chancery-purpose': 'own' } });
    expect(last().headers['chancery-purpose']).toBe('own');
  });
});

test.each([
  ['a relative URL', '/v1/things', {}],
  ['userinfo in the URL', 'https://a:b@api.test/', {}],
  ['a scheme without a host', 'data:text/plain,x', {}],
  ['a GET with a body', URL_ASKED, { body: 'x' }],
  ['a GET with a stream', URL_ASKED, { body: slowly(['x']), duplex: 'half' as const }],
])('%s is a TypeError, and nothing is sent', async (_what, url, init) => {
  await expect(fetchWith()(url, init)).rejects.toMatchObject({ name: 'TypeError' });
  expect(proxy.asked).toEqual([]);
});

describe('what comes back', () => {
  test('is the upstream’s, whatever its status', async () => {
    for (const status of [201, 204, 401, 403, 404, 429, 500, 503]) {
      proxy.upstream = (_, response) =>
        response.writeHead(status, { 'x-own': 'v', 'set-cookie': ['a=1', 'b=2'] }).end();
      const answer = await fetchWith()(URL_ASKED);
      expect(answer.status).toBe(status);
      expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    }
    expect(proxy.asked).toHaveLength(8);
  });

  test('arrives chunk by chunk, while the request is still being written', async () => {
    let more: (() => void) | undefined;
    let sent = 0;
    proxy.upstream = async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('first');
      for await (const chunk of request as AsyncIterable<Buffer>) {
        response.write(`saw ${chunk.toString()}`);
      }
      response.end('last');
    };
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (sent > 0) await new Promise<void>((resolve) => (more = resolve));
          if (sent === 2) return controller.close();
          controller.enqueue(new TextEncoder().encode(String(sent)));
          sent += 1;
        },
      },
      { highWaterMark: 0 },
    );
    const answer = await fetchWith()(URL_ASKED, { method: 'POST', body, duplex: 'half' });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    const next = async () => (await reader.read()).value;
    let text = '';
    for (const expected of ['firstsaw 0', 'firstsaw 0saw 1', 'firstsaw 0saw 1last']) {
      while (text.length < expected.length) text += (await next()) ?? '(ended)';
      expect(text).toBe(expected);
      more?.();
    }
  });

  test('of a stream broken off is an error, not an end', async () => {
    proxy.upstream = (_, response) => {
      response.write('half');
      setImmediate(() => response.destroy());
    };
    const answer = await fetchWith()(URL_ASKED);
    await expect(answer.text()).rejects.toThrow('terminated');
  });

  test('is read as slowly as the caller likes: the other side waits', async () => {
    const chunk = randomBytes(256 * 1024);
    let written = 0;
    proxy.upstream = async (_, response) => {
      for (; written < 64; written += 1) if (!response.write(chunk)) await once(response, 'drain');
      response.end();
    };
    const answer = await fetchWith()(URL_ASKED);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(written).toBeLessThan(64);
    expect((await answer.arrayBuffer()).byteLength).toBe(64 * chunk.length);
  });

  test('of somebody who is not Chancery is not taken for the upstream’s', async () => {
    proxy.upstream = (_, response) => {
      response.removeHeader('chancery-audit');
      response.writeHead(502).end('<html>bad gateway</html>');
    };
    await expect(fetchWith()(URL_ASKED)).rejects.toMatchObject({ code: 'unexpected_answer' });
  });
});

describe('a signal', () => {
  test('ends the upstream’s work, and its reason is the error', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const gone = new Promise<void>((resolve) => {
      proxy.upstream = (request) => {
        request.socket.once('close', () => resolve());
        controller.abort(reason);
      };
    });
    await expect(fetchWith()(URL_ASKED, { signal: controller.signal })).rejects.toBe(reason);
    await gone;
  });

  test('also while the answer comes, and before anything is sent', async () => {
    const gone = new Promise<void>((resolve) => {
      proxy.upstream = (request, response) => {
        request.socket.once('close', () => resolve());
        response.write('half');
      };
    });
    const controller = new AbortController();
    const answer = await fetchWith()(new Request(URL_ASKED, { signal: controller.signal }));
    controller.abort();
    await expect(answer.text()).rejects.toMatchObject({ name: 'AbortError' });
    await gone;
    await expect(fetchWith()(URL_ASKED, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(proxy.asked).toHaveLength(1);
  });
});

describe('a refusal by Chancery', () => {
  const audit = { seq: 9, hash: 'a'.repeat(64) };

  test('is thrown with its code, request id, place in the chain and way out, after one request', async () => {
    proxy.refuse = () => problem(403, 'brake_active', { audit });
    const error: unknown = await fetchWith()(URL_ASKED).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ChanceryError);
    const wayOut = `${fake.tenant.url}/errors/brake_active`;
    expect(error).toMatchObject({ code: 'brake_active', status: 403, requestId: 'req_1', audit, wayOut });
    expect(proxy.asked).toHaveLength(1);
  });

  test('is an answer where one is asked for', async () => {
    proxy.refuse = () => ({ ...problem(429, 'limit_reached'), headers: { 'retry-after': '7' } });
    const answer = await fetchWith({ refusals: 'answer' })(URL_ASKED);
    expect(answer.status).toBe(429);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'chancery-error': 'limit_reached',
      'x-should-retry': 'false',
      'retry-after': '7',
    });
    expect(await answer.json()).toMatchObject({ code: 'limit_reached', error: { code: 'limit_reached' } });
  });

  test('tells when it may work again', async () => {
    proxy.refuse = () => ({ ...problem(503, 'over_capacity'), headers: { 'retry-after': '2' } });
    await expect(fetchWith()(URL_ASKED)).rejects.toMatchObject({ code: 'over_capacity', retryAfterMs: 2000 });
    const answer = await fetchWith({ refusals: 'answer' })(URL_ASKED);
    expect(answer.headers.has('x-should-retry')).toBe(false);
  });

  test('is no refusal when the upstream says the same', async () => {
    proxy.upstream = (_, response) =>
      response.writeHead(401, { 'www-authenticate': 'DPoP error="invalid_token"' }).end();
    expect((await fetchWith()(URL_ASKED)).status).toBe(401);
    expect(proxy.asked).toHaveLength(1);
    expect(fake.tokens).toBe(1);
  });

  test('nobody answering is unreachable', async () => {
    await fake.tenant.stop();
    await expect(fetchWith({ refusals: 'answer' })(URL_ASKED)).rejects.toMatchObject({ code: 'unreachable' });
    await fake.tenant.start();
  });
});

describe('the session', () => {
  const proofs = () => proxy.asked.map(({ headers }) => createHash('sha1').update(String(headers.dpop)).digest('hex'));
  const tokenInUse = () => String(last().headers.authorization).slice('DPoP '.length);

  test('learns a nonce once; every try has a proof of its own', async () => {
    echo();
    const send = fetchWith();
    await send(URL_ASKED);
    fake.nonce = 'nonce-2';
    for (let i = 0; i < 3; i += 1) expect((await send(URL_ASKED, { method: 'POST', body: 'x' })).status).toBe(200);
    expect(proxy.asked).toHaveLength(5);
    expect(new Set(proofs()).size).toBe(5);
  });

  test('that has ended is followed by one other, for all calls at the same time', async () => {
    echo();
    const send = fetchWith();
    await send(URL_ASKED);
    fake.revokedTokens.add(tokenInUse());
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(URL_ASKED)));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(8).fill(200));
    expect(fake.tokens).toBe(2);
  });

  test('never sends a body twice that can be read once', async () => {
    echo();
    const send = fetchWith();
    await send(URL_ASKED);
    fake.revokedTokens.add(tokenInUse());
    const body = slowly(['a', 'b']);
    await expect(send(URL_ASKED, { method: 'POST', body, duplex: 'half' })).rejects.toMatchObject({
      code: 'invalid_token',
    });
    expect(proxy.asked).toHaveLength(2);
    const again = await send(URL_ASKED, { method: 'POST', body: slowly(['a', 'b']), duplex: 'half' });
    expect(await again.json()).toMatchObject({ body: 'ab' });
  });

  test('makes sure of its nonce before it sends such a body', async () => {
    echo();
    fake.tenant.on('GET /v1/whoami', async (asked) => (await fake.agentFault(asked)) ?? { status: 200, json: {} });
    jest.useFakeTimers({
      now: Date.now() + 120_000,
      doNotFake: ['setImmediate', 'setTimeout', 'nextTick', 'queueMicrotask'],
    });
    try {
      fake.nonce = 'nonce-2';
      const answer = await fetchWith()(URL_ASKED, { method: 'POST', body: slowly(['a', 'b']), duplex: 'half' });
      expect(await answer.json()).toMatchObject({ body: 'ab' });
      expect(proxy.asked).toHaveLength(1);
    } finally {
      jest.useRealTimers();
    }
  });
});
