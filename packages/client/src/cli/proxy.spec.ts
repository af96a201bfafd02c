import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { FakeChancery } from '../../test/fake-chancery.js';
import { FakeProxy } from '../../test/fake-proxy.js';
import { ok, problem } from '../../test/fake-surface.js';
import { Sandbox, type Ran } from '../../test/run-cli.js';

let fake: FakeChancery;
let proxy: FakeProxy;
let sandbox: Sandbox;
let stop: AbortController;
let running: Promise<Ran> | undefined;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  proxy = new FakeProxy(fake);
  proxy.key = PLACEHOLDER;
  bodies.length = 0;
  proxy.upstream = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    bodies.push(Buffer.concat(chunks));
    response.writeHead(203, { 'set-cookie': ['a=1', 'b=2'] }).end('{}');
  };
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
  stop = new AbortController();
  running = undefined;
});
afterEach(async () => {
  stop.abort();
  await running;
  await fake.stop();
});

const bodies: Buffer[] = [];
const PLACEHOLDER = '{{CREDENTIAL}}';
const UPSTREAM = ['--upstream', 'https://api.test'];

async function start(...flags: string[]): Promise<string> {
  const argv = ['proxy', '--listen', '127.0.0.1:0', '--credential', 'k', ...flags];
  return new Promise((resolve, reject) => {
    const onOutput = (stdout: string) => {
      const url = /http:\/\/127\.0\.0\.1:[0-9]+/.exec(stdout)?.[0];
      if (url) resolve(url);
    };
    running = sandbox.run(argv, { interrupted: stop.signal, onOutput });
    running.then((ran) => reject(new Error(ran.stderr)), reject);
  });
}

type Got = { status: number; headers: Record<string, string | string[] | undefined>; text: string };
type Sent = { method?: string; headers?: Record<string, string>; body?: string | Buffer };

function call(url: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** What the upstream was to be asked, with the headers its caller and the proxy put there. */
const asked = () =>
  proxy.asked.map(({ method, url, headers }) => {
    const own = Object.entries(headers).flatMap(([name, value]) => {
      const forwarded = /^chancery-forward-(.+)$/.exec(name)?.[1];
      return forwarded !== undefined
        ? [[forwarded, value]]
        : OF_THE_HOP.test(`${name}: ${String(value)}`)
          ? []
          : [[name, value]];
    });
    return { method, url, headers: Object.fromEntries(own) as Record<string, string> };
  });
// what this fetch of Node adds by itself, and what is said to Chancery
const OF_THE_HOP =
  /^(authorization|dpop|host|connection|content-length|transfer-encoding|accept-encoding|accept-language|sec-fetch-mode|user-agent|chancery-[^:]*|accept: [*]\/[*]$)(:|$)/;

test('a plain request goes through with the credential in its header', async () => {
  const url = await start(...UPSTREAM);
  const got = await call(`${url}/v1/models?limit=2`, { headers: { 'x-own': '1', authorization: 'Bearer dummy' } });
  expect(got).toMatchObject({ status: 203, headers: { 'set-cookie': ['a=1', 'b=2'], 'chancery-audit-seq': '7' } });
  expect(got.headers['content-encoding']).toBeUndefined();
  expect(asked().at(-1)).toEqual({
    method: 'GET',
    url: 'https://api.test/v1/models?limit=2',
    headers: { 'x-own': '1', authorization: 'Bearer {{CREDENTIAL}}' },
  });
});

test('--inject puts it where the API wants it', async () => {
  const url = await start(...UPSTREAM, '--inject', 'X-Api-Key: {{CREDENTIAL}}');
  await call(`${url}/v1`);
  expect(asked().at(-1)).toMatchObject({ headers: { 'x-api-key': '{{CREDENTIAL}}' } });
});

test.each<[string, string, Sent, Record<string, unknown>]>([
  ['a header', '/v1', { headers: { 'x-key': 'a {{CREDENTIAL}}' } }, { headers: { 'x-key': 'a {{CREDENTIAL}}' } }],
  ['the query', '/v1?key=%7B%7bCREDENTIAL%7D%7D', {}, { url: 'https://api.test/v1?key={{CREDENTIAL}}', headers: {} }],
  ['the path', '/bot{{CREDENTIAL}}/send', {}, { url: 'https://api.test/bot%7B%7BCREDENTIAL%7D%7D/send', headers: {} }],
])('a request with the placeholder in %s is sent as it is', async (_where, path, sent, expected) => {
  const url = await start(...UPSTREAM);
  await raw(url, path, sent.headers ?? {});
  expect(asked().at(-1)).toEqual({ method: 'GET', url: 'https://api.test/v1', headers: {}, ...expected });
});

test('a form body may hold the placeholder', async () => {
  const url = await start(...UPSTREAM);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  await call(`${url}/token`, { method: 'POST', headers, body: 'client_secret=%7B%7BCREDENTIAL%7D%7D&a=1' });
  expect(asked().at(-1)).toEqual({
    method: 'POST',
    url: 'https://api.test/token',
    headers,
  });
  expect(bodies.at(-1)?.toString()).toBe('client_secret={{CREDENTIAL}}&a=1');
});

test('a conversation that mentions the placeholder is not sent with the credential in it', async () => {
  const url = await start(...UPSTREAM);
  const body = JSON.stringify({ prompt: 'what is {{{CREDENTIAL}}} or {{CREDENTIAL.password}}?', of: {} });
  await call(`${url}/chat`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect(asked().at(-1)).toMatchObject({
    headers: { authorization: 'Bearer {{CREDENTIAL}}' },
  });
  const arrived = String(bodies.at(-1));
  expect(JSON.parse(arrived)).toEqual(JSON.parse(body));
  expect(arrived).not.toContain('{{');
});

test.each([
  ['another Host header (DNS rebinding)', { host: 'evil.test' }, 421],
  ['its address under another name', { host: 'localhost:PORT' }, 421],
  ['no port in the Host header', { host: '127.0.0.1' }, 421],
  ['an Origin', { origin: 'https://evil.test' }, 403],
  ['the Origin null', { origin: 'null' }, 403],
  ['its own Origin', { origin: 'http://127.0.0.1:PORT' }, 403],
  ["a page's cross-site load", { 'sec-fetch-site': 'cross-site' }, 403],
  ["a page's same-site load", { 'sec-fetch-site': 'same-site' }, 403],
])('%s is refused, and nothing is executed', async (_what, headers, status) => {
  const url = await start(...UPSTREAM);
  const port = new URL(url).port;
  const filled = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', port)]),
  );
  const got = await call(`${url}/v1`, { headers: filled });
  expect(got.status).toBe(status);
  expect(got.headers['access-control-allow-origin']).toBeUndefined();
  expect(asked()).toEqual([]);
});

test('an address in the browser bar, and an SDK with fetch, are served', async () => {
  const url = await start(...UPSTREAM);
  expect((await call(`${url}/v1`, { headers: { 'sec-fetch-site': 'none' } })).status).toBe(203);
  expect((await fetch(`${url}/v1`)).status).toBe(203);
});

test.each([
  ['an absolute target', 'GET http://evil.test/ HTTP/1.1', 400],
  ['a tunnel', 'CONNECT evil.test:443 HTTP/1.1', undefined],
  ['an upgrade', 'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket', undefined],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1', 400],
])('%s is refused', async (_what, head, status) => {
  const { port } = new URL(await start(...UPSTREAM));
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(`${head}\r\nHost: 127.0.0.1:${port}\r\n\r\n`));
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
  expect(answer === '' ? undefined : Number(answer.split(' ')[1])).toBe(status);
  expect(asked()).toEqual([]);
});

test("Chancery's own refusals say they are, and not the upstream's", async () => {
  const url = await start(...UPSTREAM);
  proxy.refuse = () => problem(403, 'brake_active');
  const got = await call(`${url}/v1`);
  expect(got).toMatchObject({ status: 403, headers: { 'chancery-refused': 'brake_active' } });
  expect(JSON.parse(got.text)).toMatchObject({ code: 'brake_active' });
});

test('a Chancery that is down is 502', async () => {
  const url = await start(...UPSTREAM);
  await fake.tenant.stop();
  expect(await call(`${url}/v1`)).toMatchObject({ status: 502, headers: { 'chancery-refused': 'unreachable' } });
  await fake.tenant.start();
});

test('bodies of any bytes arrive as they are', async () => {
  const url = await start(...UPSTREAM);
  const body = Buffer.from([0, 255, 254, 10, 13, 0x7b, 0x7b]);
  await call(`${url}/upload`, { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body });
  expect(bodies.at(-1)).toEqual(body);
});

test('headers of the connection, and ones that ask for parts, are not forwarded', async () => {
  const url = await start(...UPSTREAM);
  const headers = {
    connection: 'close, x-hop',
    'x-hop': '1',
    te: 'trailers',
    range: 'bytes=0-0',
    'accept-encoding': 'br',
    accept: 'text/x',
  };
  await call(`${url}/v1`, { headers });
  expect(asked().at(-1)).toMatchObject({ headers: { accept: 'text/x', authorization: 'Bearer {{CREDENTIAL}}' } });
  expect(Object.keys((asked().at(-1) as { headers: object }).headers)).toHaveLength(2);
});

test('headers beyond ASCII survive both ways', async () => {
  const url = await start(...UPSTREAM);
  proxy.upstream = (request, response) => response.setHeader('x-name', request.headers['x-name']!).end();
  const got = await call(`${url}/v1`, { headers: { 'x-name': Buffer.from('Zoë').toString('latin1') } });
  expect(Buffer.from(String(got.headers['x-name']), 'latin1').toString()).toBe('Zoë');
});

test('an answer streams: each piece arrives before the next is written', async () => {
  const url = await start(...UPSTREAM);
  let write: (text: string) => void = () => undefined;
  proxy.upstream = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    write = (text) => (text === '' ? response.end() : response.write(text));
  };
  const answer = await fetch(`${url}/v1`);
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
    write(text);
    expect((await reader.read()).value).toBe(text);
  }
  write('');
  expect((await reader.read()).done).toBe(true);
});

test('an answer broken off is broken off here too', async () => {
  const url = await start(...UPSTREAM);
  proxy.upstream = (_, response) => {
    response.write('half');
    setImmediate(() => response.destroy());
  };
  await expect(fetch(`${url}/v1`).then((answer) => answer.text())).rejects.toThrow('terminated');
});

test('a long body streams through', async () => {
  const url = await start(...UPSTREAM);
  const body = Buffer.alloc(6 * 1024 * 1024, 'x');
  await call(`${url}/upload`, { method: 'POST', headers: { 'content-length': String(body.length) }, body });
  expect(bodies.at(-1)?.equals(body)).toBe(true);
  expect(asked().at(-1)).toMatchObject({ method: 'POST' });
});

test('a caller that goes away ends the call', async () => {
  const url = await start(...UPSTREAM);
  const aborted = new Promise<void>((resolve) => {
    proxy.upstream = (request) => {
      request.socket.once('close', () => resolve());
      caller.destroy();
    };
  });
  const caller = httpRequest(`${url}/v1`, { agent: false });
  caller.on('error', () => undefined);
  caller.end();
  await expect(aborted).resolves.toBeUndefined();
});

test('the log on stderr names path and status, never the query', async () => {
  const url = await start(...UPSTREAM);
  await call(`${url}/v1?email=ada@acme.test`);
  stop.abort();
  const ran = await running!;
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringMatching(/GET \/v1 203 in \d+ ms, audit entry 7\n/) });
  expect(ran.stderr).not.toContain('ada@');
});

test("without --upstream, the credential's only domain is taken; several, or a wildcard, are asked about", async () => {
  const domains = (...allowed_domains: string[]) =>
    fake.guarded('tenant', 'GET /v1/credentials/:name', () => ok({ allowed_domains, ports: [443] }));
  for (const found of [['a.test', 'b.test'], ['*.a.test'], []]) {
    domains(...found);
    const ran = await sandbox.run(['proxy', '--listen', '127.0.0.1:0', '--credential', 'k']);
    expect(ran).toMatchObject({ code: 64, stderr: expect.stringContaining('--upstream') });
  }
  domains('api.only.test');
  await call(`${await start()}/v1`);
  expect(asked().at(-1)).toMatchObject({ url: 'https://api.only.test/v1' });
});

test.each([
  '0.0.0.0:8080',
  '192.168.1.5:8080',
  '[::]:8080',
  '8080',
  ':8080',
  '127.0.0.1',
  '127.0.0.1:99999',
  'evil.localhost:80',
  'localhost.evil.test:80',
  '[::ffff:10.0.0.1]:80',
])('--listen %s is exit 64', async (listen) => {
  const ran = await sandbox.run(['proxy', '--listen', listen, '--credential', 'k', ...UPSTREAM]);
  expect(ran.code).toBe(64);
});

test.each([
  ['--upstream', 'api.test'],
  ['--upstream', 'ftp://api.test'],
  ['--upstream', 'https://a:b@api.test'],
  ['--upstream', 'https://{{CREDENTIAL}}.test'],
  ['--upstream', 'https://api.test/?a=1'],
  ['--inject', 'Authorization: Bearer'],
  ['--inject', '{{CREDENTIAL}}'],
  ['--inject', 'A B: {{CREDENTIAL}}'],
  ['--inject', 'a: {{CREDENTIAL}}\r\nb: c'],
])('%s %j is exit 64', async (flag, value) => {
  const ran = await sandbox.run(['proxy', '--listen', '127.0.0.1:0', '--credential', 'k', ...UPSTREAM, flag, value]);
  expect(ran.code).toBe(64);
});

test('a port in use is one clear line', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const ran = await sandbox.run(['proxy', '--listen', `127.0.0.1:${port}`, '--credential', 'k', ...UPSTREAM]);
  expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('EADDRINUSE') });
  await new Promise((resolve) => taken.close(resolve));
});

/** With a target http.request would not send. */
async function raw(url: string, target: string, headers: Record<string, string>): Promise<void> {
  const { port } = new URL(url);
  const lines = [`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Connection: close'];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
    socket.on('data', () => undefined);
    socket.on('close', () => resolve());
  });
}
