import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import { collectGarbage } from '../test/collect-garbage.js';
import { FakeSurface, problem } from '../test/fake-surface.js';
import { HttpClient, readAtMost } from './http.js';

let surface: FakeSurface;
let http: HttpClient;
beforeEach(async () => {
  surface = new FakeSurface();
  await surface.start();
  http = new HttpClient({ baseUrl: surface.url });
});
afterEach(async () => {
  await http.close();
  await surface.stop();
});

const get = (path: string) => http.json({ method: 'GET', path });

test('a problem document becomes an error with its code, status, detail and request id', async () => {
  surface.on('GET /x', problem(403, 'tier_too_low', { detail: 'COMPANION is needed' }));
  const fields = { code: 'tier_too_low', status: 403, detail: 'COMPANION is needed', requestId: 'req_1' };
  await expect(get('/x')).rejects.toMatchObject(fields);
});

test('issues of a request stand in the message', async () => {
  const issues = [
    { path: ['name'], message: 'too long' },
    { path: 'tier', message: 'unknown' },
  ];
  surface.on('GET /x', problem(400, 'invalid_request', { detail: 'The body is not valid.', issues }));
  await expect(get('/x')).rejects.toThrow('invalid_request: The body is not valid: name: too long; tier: unknown');
});

test('an OAuth error becomes an error with its code', async () => {
  surface.on('GET /x', { status: 400, json: { error: 'invalid_scope', error_description: 'no such scope' } });
  await expect(get('/x')).rejects.toMatchObject({ code: 'invalid_scope', detail: 'no such scope' });
});

test.each([
  ['HTML with 502', { status: 502, raw: '<html>secret page</html>' }],
  ['HTML with 200', { status: 200, raw: '<html>secret page</html>' }],
  ['a JSON array with 500', { status: 500, json: [1] }],
  ['a code that is none', { status: 400, json: { code: '\u001b[2J evil' } }],
  ['a redirect', { status: 302, headers: { location: 'https://evil.test/' }, raw: '' }],
])('%s is an unexpected answer, and is not repeated', async (_name, answer) => {
  surface.on('GET /x', answer);
  const error = await get('/x').catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'unexpected_answer', status: answer.status });
  expect(String(error)).not.toMatch(/secret|evil/);
  expect(surface.asked).toHaveLength(1);
});

test('an empty answer is undefined', async () => {
  surface.on('DELETE /x', { status: 204 });
  await expect(http.json({ method: 'DELETE', path: '/x' })).resolves.toBeUndefined();
});

test('nothing listening is unreachable; the message names the server only', async () => {
  await surface.stop();
  const error = await http.json({ method: 'POST', path: '/x', json: { value: 'sk-secret' } }).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'unreachable', status: 0, unreachable: true });
  expect(JSON.stringify(error) + String(error)).not.toContain('sk-secret');
});

test('a server that never answers ends in a timeout', async () => {
  surface.on('GET /x', () => new Promise(() => undefined));
  const impatient = new HttpClient({ baseUrl: surface.url, timeoutMs: 500 });
  const asked = impatient.json({ method: 'GET', path: '/x' });
  await expect(asked).rejects.toMatchObject({ code: 'timeout', unreachable: true });
  await impatient.close();
});

test('a server that dies in the middle is unreachable', async () => {
  const server = createServer((socket) => void socket.once('data', () => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const dying = new HttpClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  await expect(dying.json({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'unreachable' });
  await dying.close();
  await new Promise((resolve) => server.close(resolve));
});

test('http where https is spoken, and the other way round, is a clear failure', async () => {
  const tls = new HttpClient({ baseUrl: surface.url.replace('http:', 'https:') });
  const error = await tls.json({ method: 'GET', path: '/' }).catch((e: unknown) => e);
  expect(error).toMatchObject({ unreachable: true });
  await tls.close();
});

test('a path cannot leave the server', async () => {
  expect(http.url({ path: '//evil.test/x' })).toBe(`${surface.url}//evil.test/x`);
  expect(() => http.url({ path: 'https://evil.test' })).toThrow(expect.objectContaining({ code: 'bad_url' }));
  expect(() => http.url({ path: '@evil.test' })).toThrow(expect.objectContaining({ code: 'bad_url' }));
});

test('an answer over the limit is cut off', async () => {
  const body = (bytes: number) => new Blob([Buffer.alloc(6), Buffer.alloc(bytes - 6)]).stream();
  await expect(readAtMost(body(12), 12)).resolves.toHaveLength(12);
  await expect(readAtMost(body(13), 12)).rejects.toMatchObject({
    code: 'answer_too_large',
  });
});

describe('a stream', () => {
  let silent: Server;
  let patient: HttpClient;
  beforeAll(async () => {
    silent = createHttpServer((_, response) => void response.writeHead(200).write('so far')).listen(0);
    await once(silent, 'listening');
    patient = new HttpClient({ baseUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` });
  });
  afterAll(async () => {
    await patient.close();
    silent.closeAllConnections();
    silent.close();
  });
  /** Nothing refers to anything but the body. */
  const open = async (signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> => {
    const { body } = await patient.stream({ method: 'GET', path: '/', signal });
    await collectGarbage();
    await sleep(50); // what was collected is told behind this turn
    return body;
  };

  test('is ended by a timeout of the caller’s', async () => {
    const body = await open(AbortSignal.timeout(1_000));
    await expect(readAtMost(body, 100)).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('is whole whenever its reading begins', async () => {
    const reader = (await open()).getReader();
    const { value } = await reader.read();
    expect(Buffer.from(value ?? []).toString()).toBe('so far');
    await reader.cancel();
  });
});
