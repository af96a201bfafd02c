import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { attack } from '../support/attack-report.js';
import { type AttackSite, DNS_DOMAIN, openAttackSite, SECRET } from '../support/attack-site.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import { ownPort } from '../support/own-ports.js';
import type { SeenUse } from '../support/use-door.js';
import { DOORS } from '../support/use-doors.js';
import { ZSTD_COPY_BOMB, ZSTD_FRAMES, zstdBlock, zstdFrame, zstdRleBomb } from '../support/zstd-frames.js';
import { leaksIn } from './spellings.js';

jest.setTimeout(300_000);

const BYTES_MAX = 262_144;
const TIMEOUT_MS = 250;
const DEADLINES_MS = [TIMEOUT_MS, 4 * TIMEOUT_MS, 16 * TIMEOUT_MS, 64 * TIMEOUT_MS];
/** On a machine that has much else to do; what has no deadline goes on for two minutes. */
const PATIENCE_MS = 30_000;

let site: AttackSite;
beforeAll(async () => {
  const limits = { RESPONSE_BYTES_MAX: String(BYTES_MAX), STREAM_BYTES_MAX: String(BYTES_MAX) };
  site = await openAttackSite({ env: { ...limits, REQUEST_BYTES_MAX: String(BYTES_MAX) } });
  await site.credential('key', { allowed_domains: [H, `*.${DNS_DOMAIN}`], ports: [443, ...(await badPorts())] });
});
beforeEach(() => void (site.upstream.received.length = 0));
afterEach(() => {
  site.upstream.letGo();
  // ATTACKS 33: what a failed call was about stands in no line of the log.
  expect(JSON.stringify(site.app.logged)).not.toMatch(/upstream\.test|dns\.test|path-of-the-call/);
});
afterAll(() => site?.close());

let count = 0;
const freshPath = (): string => `/load${(count += 1)}`;
const url = (path: string): string => `https://${H}${path}`;

/** Chancery's own failure, or an answer that visibly did not end: never a short answer that looks whole. */
function expectCapped(seen: SeenUse, code: string, status = 502): void {
  if (seen.code === null) expect(seen.broken).toBe(true);
  else expect(seen).toMatchObject({ status, code });
  expect(seen.body.length).toBeLessThanOrEqual(BYTES_MAX);
  expect(leaksIn(JSON.stringify(seen.headers) + seen.body.toString('latin1'), SECRET)).toEqual([]);
}

type Listener = Parameters<AttackSite['upstream']['on']>[1];
const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
const endless: Listener = (_, response) => {
  const piece = Buffer.alloc(16_384, 'a');
  const more = (): void => void (response.destroyed || response.write(piece, () => setImmediate(more)));
  more();
};

const OVERSIZED: readonly (readonly [sent: string, answer: Listener])[] = [
  ['an answer without end', endless],
  [
    'an answer that announces too much',
    (_, response) => response.setHeader('content-length', BYTES_MAX + 1).end(zeros(BYTES_MAX + 1)),
  ],
  ['an answer of one byte too much', (_, response) => response.end(zeros(BYTES_MAX + 1))],
  ['headers of a megabyte', (_, response) => response.setHeader('x-long', 'a'.repeat(1_000_000)).end()],
  [
    '10 000 headers',
    (_, response) => {
      for (let at = 0; at < 10_000; at += 1) response.setHeader(`x-${at}`, 'a');
      response.end();
    },
  ],
];

const BOMB_BYTES = 20_000_000;
const GZIP_BOMB = gzipSync(zeros(BOMB_BYTES));
const BR_BOMB = brotliCompressSync(zeros(BOMB_BYTES), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
const BOMBS: readonly (readonly [sent: string, headers: Record<string, string | string[]>, body: Buffer])[] = [
  ['20 MB of zeros under gzip', { 'content-encoding': 'gzip' }, GZIP_BOMB],
  ['20 MB of zeros under br', { 'content-encoding': 'br' }, BR_BOMB],
  ['20 MB of zeros under deflate', { 'content-encoding': 'deflate' }, deflateSync(zeros(BOMB_BYTES))],
  ['20 MB of one letter under zstd', { 'content-encoding': 'zstd' }, zstdRleBomb(153)],
  [
    '100 000 zstd blocks of nothing',
    { 'content-encoding': 'zstd' },
    zstdFrame(Array<Buffer>(100_000).fill(zstdBlock('raw', Buffer.alloc(0)))).subarray(0, BYTES_MAX),
  ],
  ['zstd that asks for 128 MiB', { 'content-encoding': 'zstd' }, ZSTD_FRAMES.wide],
  ['zstd in gzip', { 'content-encoding': 'zstd, gzip' }, gzipSync(ZSTD_FRAMES.zeros)],
  ['gzip in gzip', { 'content-encoding': 'gzip, gzip' }, gzipSync(GZIP_BOMB)],
  ['gzip in br in gzip', { 'content-encoding': 'gzip, br, gzip' }, gzipSync(BR_BOMB)],
  ['two Content-Encoding', { 'content-encoding': ['gzip', 'gzip'] }, gzipSync(GZIP_BOMB)],
  ['gzip as a transfer coding', { 'transfer-encoding': 'gzip, chunked' }, GZIP_BOMB],
];

const SLOW: readonly (readonly [sent: string, answer: Listener, hasHead?: boolean])[] = [
  ['no answer', () => undefined],
  ['headers, a byte at a time', ({ socket }) => drip(socket, 'HTTP/1.1 200 OK\r\nx-slow: ')],
  ['informational answers without end', ({ socket }) => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n', true)],
  ['a body, a byte at a time', (_, response) => drip(response.writeHead(200), 'a'), true],
  ['a body that stops', (_, response) => response.writeHead(200).write('{'), true],
];

/** Writes something, and then something more every few milliseconds, until nobody listens any more. */
function drip(
  into: { write(text: string): unknown; once(event: 'close', then: () => void): unknown },
  text: string,
  again = false,
): void {
  into.write(text);
  const dripping = setInterval(() => into.write(again ? text : 'a'), 5);
  into.once('close', () => clearInterval(dripping));
}

/** Ports on which nothing or nonsense answers, by what does. */
const ports: Record<string, number> = {};
async function badPorts(): Promise<number[]> {
  const listeners: Readonly<Record<string, (socket: Socket) => void>> = {
    silent: () => undefined,
    hangsUp: (socket) => socket.destroy(),
    plain: (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'),
    resets: (socket) => socket.once('data', () => socket.resetAndDestroy()),
  };
  for (const [name, listener] of Object.entries(listeners)) ports[name] = (await site.upstreams.tcp(listener)).port;
  const other = await site.upstreams.authority.issue(['other.example']);
  ports.otherName = (await site.upstreams.https((_, response) => response.end(), other)).port;
  const past = { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') };
  const expired = await site.upstreams.authority.issue([`*.${DNS_DOMAIN}`], past);
  ports.expired = (await site.upstreams.https((_, response) => response.end(), expired)).port;
  ports.closed = await ownPort();
  return Object.values(ports);
}

const CONNECTIONS: readonly (readonly [sent: string, port: string, status: number, code: string])[] = [
  ['a port where nobody listens', 'closed', 502, 'upstream_unreachable'],
  ['a server that hangs up', 'hangsUp', 502, 'upstream_unreachable'],
  ['a server that resets the handshake', 'resets', 502, 'upstream_unreachable'],
  ['a server that never shakes hands', 'silent', 504, 'upstream_timeout'],
  ['a server without TLS', 'plain', 502, 'upstream_tls_failed'],
  ['a certificate for another name', 'otherName', 502, 'upstream_tls_failed'],
  ['an expired certificate', 'expired', 502, 'upstream_tls_failed'],
];

const NOT_HTTP: readonly (readonly [sent: string, answer: string])[] = [
  ['text that is no HTTP', 'this is no HTTP'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a status that is none', 'HTTP/1.1 20x OK\r\n\r\n'],
  ['two Content-Length', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\n{}'],
  ['a Content-Length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}'],
  ['NUL in a header', 'HTTP/1.1 200 OK\r\nx-a: a\0b\r\n\r\n'],
  ['a chunk size that is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n'],
  ['a body that breaks off', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'],
  ['chunks that break off', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{'],
  ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
];

for (const door of DOORS) {
  for (const [sent, answer] of OVERSIZED)
    attack('36', door.name, sent, async (saw) => {
      const path = freshPath();
      site.upstream.on(path, (request, response) =>
        answer(
          request,
          response.on('error', () => undefined),
        ),
      );
      const seen = saw(await door.use(site.agent, 'key', { url: url(path) }));
      expectCapped(seen, 'upstream_too_large');
    });
  attack('36', door.name, 'an answer as large as may be', async (saw) => {
    const path = freshPath();
    site.upstream.on(path, (_, response) => response.end(Buffer.alloc(BYTES_MAX, 'a')));
    const seen = saw(await door.use(site.agent, 'key', { url: url(path) }));
    expect([seen.status, seen.body.length, seen.broken]).toEqual([200, BYTES_MAX, false]);
  });
  attack('36', door.name, 'a request of a megabyte', async (saw) => {
    const body = 'a'.repeat(1_000_000);
    const headers = { authorization: '{{CREDENTIAL}}', 'content-type': 'application/octet-stream' };
    const seen = saw(await door.use(site.agent, 'key', { method: 'POST', headers, body }));
    expect(seen).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(site.upstream.received).toEqual([]);
  });
  attack('36', door.name, 'a request without end', async (saw) => {
    const { status, written } = await endlessRequest(door.name);
    saw(`${status}, cut off`);
    expect(status).toBe(413);
    expect(written).toBeLessThan(40 * BYTES_MAX);
    expect(site.upstream.received.filter(({ body }) => body.length > BYTES_MAX)).toEqual([]);
  });

  for (const [sent, headers, body] of BOMBS)
    attack('37', door.name, sent, async (saw) => {
      const path = freshPath();
      site.upstream.on(path, (_, response) =>
        response
          .on('error', () => undefined)
          .writeHead(200, headers)
          .end(body),
      );
      const before = process.memoryUsage().arrayBuffers;
      const seen = saw(await door.use(site.agent, 'key', { url: url(path) }));
      expectCapped(seen, seen.code === 'upstream_too_large' ? 'upstream_too_large' : 'upstream_encoding_unsupported');
      expect(seen.code ?? 'broken').toMatch(/^(?:upstream_too_large|upstream_encoding_unsupported|broken)$/);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(BOMB_BYTES / 2);
    });

  attack('37', door.name, '20 bytes of zstd that ask for 6 GB of copies', async (saw) => {
    const path = freshPath();
    site.upstream.on(path, (_, response) =>
      response.writeHead(200, { 'content-encoding': 'zstd' }).end(ZSTD_COPY_BOMB),
    );
    const before = process.cpuUsage();
    const seen = saw(await door.use(site.agent, 'key', { url: url(path) }));
    expectCapped(seen, 'upstream_protocol_error');
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
  });

  for (const [sent, answer, hasHead = false] of SLOW)
    attack('38', door.name, sent, async (saw) => {
      const path = freshPath();
      site.upstream.on(path, answer);
      const startedAt = performance.now();
      // A machine that has not even the head of a stream in time gets more of it.
      const deadlines = hasHead && door.name === 'stream' ? DEADLINES_MS : [TIMEOUT_MS];
      let seen: SeenUse | undefined;
      for (const timeoutMs of deadlines) {
        seen = await door.use(site.agent, 'key', { url: url(path) }, { timeoutMs });
        if (seen.code === null) break;
      }
      expectCapped(saw(seen as SeenUse), 'upstream_timeout', 504);
      expect(performance.now() - startedAt).toBeLessThan(PATIENCE_MS);
    });

  for (const [sent, port, status, code] of CONNECTIONS)
    attack('33', door.name, sent, async (saw) => {
      const name = `c${(count += 1)}.${DNS_DOMAIN}`;
      site.dns.say(name, '127.0.0.1');
      const asked = { url: `https://${name}:${ports[port]}/path-of-the-call` };
      const timeoutMs = code === 'upstream_timeout' ? TIMEOUT_MS : PATIENCE_MS;
      const seen = saw(await door.use(site.agent, 'key', asked, { timeoutMs }));
      expect(seen).toMatchObject({ status, code });
      expect(seen.body.toString() + JSON.stringify(seen.headers)).not.toMatch(/path-of-the-call|dns\.test/);
      expect(await site.outcomeOf(seen.seq)).toMatchObject({ outcome: 'failure', details: { code } });
    });
  for (const [sent, answer] of NOT_HTTP)
    attack('33', door.name, sent, async (saw) => {
      const path = freshPath();
      site.upstream.on(path, ({ socket }) => socket.end(answer));
      const seen = saw(await door.use(site.agent, 'key', { url: url(path) }));
      expectCapped(seen, 'upstream_protocol_error');
      expect(seen.body.toString()).not.toContain(path);
    });

  for (const [sent, answer] of [
    ['401', (_, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="again"' }).end()],
    ['407', (_, response) => response.writeHead(407, { 'proxy-authenticate': 'Basic' }).end()],
    ['408', (_, response) => response.writeHead(408, { connection: 'close' }).end()],
    ['421', (_, response) => response.writeHead(421).end()],
    ['425', (_, response) => response.writeHead(425).end()],
    ['429 with Retry-After: 0', (_, response) => response.writeHead(429, { 'retry-after': '0' }).end()],
    ['500', (_, response) => response.writeHead(500).end()],
    ['503 with Retry-After: 0', (_, response) => response.writeHead(503, { 'retry-after': '0' }).end()],
    ['a reset before the answer', ({ socket }) => socket.destroy()],
    ['a reset inside the answer', (_, response) => response.write('{', () => response.destroy())],
  ] as readonly (readonly [string, Listener])[])
    attack('41', door.name, `a POST that is answered ${sent}`, async (saw) => {
      const path = freshPath();
      // A connection that was used before is the one an HTTP client would like to repeat a request on.
      await door.use(site.agent, 'key');
      site.upstream.received.length = 0;
      site.upstream.on(path, answer);
      saw(await door.use(site.agent, 'key', { method: 'POST', url: url(path), body: { a: 1 } }));
      await new Promise((wake) => setTimeout(wake, 20));
      expect(site.upstream.received.map(({ method, target }) => [method, target])).toEqual([['POST', path]]);
    });
}

/** Sends a body that never ends until nobody takes it, and says how it was answered. */
async function endlessRequest(door: string): Promise<{ status: number; written: number }> {
  const { agent } = site;
  const path =
    door === 'execute' ? '/v1/credentials/key/execute' : `/v1/credentials/key/proxy/https/${H}${freshPath()}`;
  const dpop = await agent.proof({ htm: 'POST', htu: agent.base + path, accessToken: String(agent.accessToken) });
  const { hostname, port } = new URL(agent.base);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const type = door === 'execute' ? 'application/json' : 'application/octet-stream';
  const headers = [`host: ${hostname}:${port}`, `authorization: DPoP ${agent.accessToken}`, `dpop: ${dpop}`];
  const forward = 'chancery-forward-authorization: {{CREDENTIAL}}';
  const lines = [
    `POST ${path} HTTP/1.1`,
    ...headers,
    `content-type: ${type}`,
    forward,
    'transfer-encoding: chunked',
    '',
    '',
  ];
  socket.write(lines.join('\r\n'));
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString('latin1'))).on('error', () => undefined);
  const chunk = `4000\r\n${'a'.repeat(0x4000)}\r\n`;
  let written = 0;
  const more = (): void => {
    if (socket.destroyed || !socket.writable) return;
    written += chunk.length;
    socket.write(chunk, () => setImmediate(more));
  };
  more();
  await eventually(
    () => socket.destroyed || text.includes('\r\n\r\n'),
    (isOver) => isOver,
  );
  socket.destroy();
  return { status: Number(text.split(' ')[1]), written };
}
