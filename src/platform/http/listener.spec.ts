import 'reflect-metadata';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { eventually } from '../../../test/support/eventually.js';
import { slowAsked, startNotes, type NotesApp } from '../../../test/support/notes.fixture.js';
import { rawExchange } from '../../../test/support/raw-http.js';
import { createLog } from '../telemetry/logger.js';
import { HEADERS_TIMEOUT_MS, Listener } from './listener.js';

const dir = mkdtempSync(join(tmpdir(), 'chancery-listener-'));
const problem = (body: string) => JSON.parse(body) as { code: string; status: number; request_id: string };

describe('over TCP', () => {
  let app: NotesApp;
  beforeAll(async () => void (app = await startNotes()));
  afterAll(() => app.close());
  const send = (...lines: string[]) =>
    rawExchange(app.at.tenant, [`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`]);
  const get = (target: string, ...headers: string[]) => send(`GET ${target} HTTP/1.1`, 'Host: x', ...headers);

  test.each([
    ['bad percent-encoding', '/v1/notes/%zz'],
    ['a percent sign alone', '/v1/notes/%'],
    ['an encoded letter', '/v1/notes/%41'],
    ['an encoded tilde', '/v1/notes/%7E'],
    ['lower-case hex', '/v1/notes/%c3%a9'],
    ['dot segments', '/v1/../v1/notes/1'],
    ['a dot segment at the end', '/v1/notes/.'],
    ['encoded dot segments', '/v1/%2E%2E/v1/notes/1'],
    ['a backslash', '/v1\\notes/1'],
    ['a fragment', '/v1/notes/1#x'],
    ['raw UTF-8', '/v1/notes/é'],
    ['the absolute form', 'http://x/v1/notes/1'],
    ['bad percent-encoding in the query', '/v1/notes?limit=%zz'],
    ['a quote in the query', '/v1/notes?limit="1"'],
  ])('a target with %s is refused as it is', async (_what, target) => {
    const { status, body, headers } = await get(target);
    expect([status, problem(body).code]).toEqual([400, 'malformed_request']);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(headers['x-request-id']).toBe(problem(body).request_id);
  });

  test.each([
    '/v1/notes/1',
    '/v1/notes/%C3%A9',
    '/v1/notes/a%2Fb',
    '/v1/notes/~a-b_c.d',
    '/v1/notes?limit=1',
    '/v1/notes/...',
  ])('the target %s is taken as it is', async (target) => expect((await get(target)).status).toBe(200));

  test('an expectation nobody meets is said in a problem document', async () => {
    const { status, body } = await get('/v1/notes/1', 'Expect: a-miracle');
    expect([status, problem(body).code]).toEqual([400, 'malformed_request']);
    expect((await get('/v1/notes/1', 'Expect: 100-continue')).status).toBeLessThan(300);
  });

  test('OPTIONS * and CONNECT reach no route', async () => {
    expect((await send('OPTIONS * HTTP/1.1', 'Host: x')).status).toBe(400);
    await expect(send('CONNECT x:443 HTTP/1.1', 'Host: x').then(({ status }) => status)).resolves.not.toBe(200);
  });

  test('a target longer than any route needs is 414, huge headers are 431', async () => {
    const long = await get(`/v1/notes/${'a'.repeat(5_000)}`);
    expect([long.status, problem(long.body).code]).toEqual([414, 'target_too_long']);
    const huge = await get('/v1/notes/1', `X-Padding: ${'a'.repeat(20_000)}`);
    expect([huge.status, problem(huge.body).code]).toEqual([431, 'headers_too_large']);
    expect(huge.headers['content-type']).toBe('application/problem+json');
  });

  test('HTTP/1.1 without Host, and what is no HTTP, are 400', async () => {
    expect(problem((await send('GET /v1/notes/1 HTTP/1.1')).body).code).toBe('malformed_request');
    expect(problem((await send('GET /v1/notes/1 HTTQ')).body).code).toBe('malformed_request');
    expect(problem((await send('\u0016\u0003\u0001')).body).code).toBe('malformed_request');
  });

  test.each([
    ['Authorization', 'Authorization: Bearer a', 'Authorization: Bearer b'],
    ['DPoP', 'DPoP: a', 'dpop: b'],
    ['Host', 'Host: y'],
    ['Idempotency-Key', 'Idempotency-Key: a', 'Idempotency-Key: b'],
  ])('two %s headers are 400', async (_name, ...headers) => {
    expect(problem((await get('/v1/notes/1', ...headers)).body).code).toBe('malformed_request');
  });

  test('Content-Length beside Transfer-Encoding is 400', async () => {
    const body = '0\r\n\r\n';
    const { status } = await rawExchange(app.at.tenant, [
      `POST /v1/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    ]);
    expect(status).toBe(400);
  });

  test('headers that trickle in are cut off with 408', async () => {
    const drops = Array.from({ length: 150 }, () => ['X-Slow: 1\r\n', { waitMs: 200 }] as const).flat();
    const impatient = new Listener({
      surface: 'tenant',
      address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      tls: null,
      connectionsMax: 10,
      headersTimeoutMs: 500,
      log: createLog({ level: 'silent' }),
      handle: () => undefined,
    });
    const at = await impatient.listen();
    const started = Date.now();
    const { status, body } = await rawExchange(at, ['GET /v1/notes/1 HTTP/1.1\r\nHost: x\r\n', ...drops]);
    expect([status, problem(body).code]).toEqual([408, 'request_timeout']);
    expect(Date.now() - started).toBeLessThan(20_000); // of the thirty seconds that they take
    await impatient.close(1_000);
    expect(HEADERS_TIMEOUT_MS).toBe(10_000); // what every listener has that is told nothing else
  });

  test('a malformed second request does not write into the first answer', async () => {
    const { text } = await rawExchange(app.at.tenant, [
      'GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n',
      '\u0000garbage\r\n\r\n',
    ]);
    expect(text).not.toContain('malformed_request');
  });
});

test('requests in flight finish at shutdown, later ones find nobody', async () => {
  const app = await startNotes();
  const before = slowAsked();
  const slow = fetch(`${app.at.tenant}/v1/slow`);
  await eventually(slowAsked, (asked) => asked > before);
  const closed = app.close();
  await expect(fetch(`${app.at.tenant}/v1/notes/1`)).rejects.toThrow('fetch failed');
  const answer = await slow;
  expect([answer.status, await answer.json()]).toEqual([200, { done: true }]);
  await closed;
});

test('a connection that asked nothing does not hold up the shutdown', async () => {
  const DRAIN_MS = '30000';
  const app = await startNotes({ DRAIN_MS });
  const silent = connect(Number(new URL(app.at.tenant).port), '127.0.0.1');
  await once(silent, 'connect');
  const gone = once(
    silent.on('error', () => undefined),
    'close',
  );
  const startedAt = performance.now();
  await app.close();
  await gone;
  expect(performance.now() - startedAt).toBeLessThan(Number(DRAIN_MS) / 2);
});

test('past the drain deadline requests in flight are cut', async () => {
  const app = await startNotes({ DRAIN_MS: '50' });
  const before = slowAsked();
  const slow = fetch(`${app.at.tenant}/v1/slow`);
  slow.catch(() => undefined);
  await eventually(slowAsked, (asked) => asked > before);
  await app.close();
  await expect(slow).rejects.toThrow('fetch failed');
});

test('a listener that cannot bind says so and leaves none of the others open', async () => {
  const first = await startNotes();
  const taken = new URL(first.at.ops).host;
  await expect(startNotes({ OPS_LISTEN: taken })).rejects.toThrow('EADDRINUSE');
  await first.close();
});

test('a Unix socket has mode 0600, answers, and a stale one is replaced', async () => {
  const path = join(dir, 'ops.sock');
  const over = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      httpRequest({ socketPath: path, path: '/v1/where', headers: { host: 'x' } }, (answer) =>
        resolve(answer.resume().statusCode),
      )
        .on('error', reject)
        .end();
    });
  const crash = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', crash]);
  expect(statSync(path).isSocket()).toBe(true);

  const app = await startNotes({ OPS_LISTEN: `unix:${path}` });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await over()).toBe(200);
  await expect(startNotes({ OPS_LISTEN: `unix:${path}` })).rejects.toThrow('another process listens');
  await app.close();
  writeFileSync(path, 'not a socket');
  await expect(startNotes({ OPS_LISTEN: `unix:${path}` })).rejects.toThrow('is not a socket');
});

describe('over TLS', () => {
  const certFile = join(dir, 'tls.crt');
  const keyFile = join(dir, 'tls.key');
  let app: NotesApp;
  beforeAll(async () => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        keyFile,
        '-out',
        certFile,
        ...subject,
      ],
      { stdio: 'ignore' },
    );
    app = await startNotes({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
  });
  afterAll(() => app.close());

  const handshake = (options: object): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(app.at.tenant);
      const socket = tlsConnect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false, ...options }, () =>
        resolve(socket),
      );
      socket.on('error', reject);
    });

  test('TLS 1.3 with the first cipher is spoken, TLS 1.2 is refused', async () => {
    expect(app.at.tenant).toMatch(/^https:/);
    const socket = await handshake({});
    expect([socket.getProtocol(), socket.getCipher().name]).toEqual(['TLSv1.3', 'TLS_AES_256_GCM_SHA384']);
    socket.destroy();
    await expect(handshake({ maxVersion: 'TLSv1.2' })).rejects.toThrow('protocol version');
  });

  test("the server's order of ciphers decides", async () => {
    const socket = await handshake({
      ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
      minVersion: 'TLSv1.3',
    });
    expect(socket.getCipher().name).toBe('TLS_CHACHA20_POLY1305_SHA256');
    socket.destroy();
  });

  test('plain HTTP gets no page', async () => {
    await expect(fetch(app.at.tenant.replace('https:', 'http:'))).rejects.toThrow('fetch failed');
  });

  test('every answer carries HSTS, also a refused one', async () => {
    const hsts = (path: string) =>
      new Promise((resolve, reject) => {
        httpsRequest(app.at.tenant + path, { rejectUnauthorized: false }, (answer) =>
          resolve(answer.resume().headers['strict-transport-security']),
        )
          .on('error', reject)
          .end();
      });
    for (const path of ['/v1/notes/1', '/v1/nothing', '/v1/notes/%41']) {
      expect(await hsts(path)).toBe('max-age=31536000; includeSubDomains');
    }
  });

  test('a key that is not there is refused at start', async () => {
    await expect(startNotes({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: join(dir, 'no.key') })).rejects.toThrow('ENOENT');
  });
});
