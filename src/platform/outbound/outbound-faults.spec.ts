import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostileUpstreams } from '../../../test/support/hostile-upstream.js';
import { CANARY, codeOf, failure, OutboundDoors, options, request } from '../../../test/support/outbound-doors.js';

let upstreams: HostileUpstreams;
let doors: OutboundDoors;

beforeAll(async () => {
  upstreams = await HostileUpstreams.create();
  doors = new OutboundDoors(upstreams.authority.certificate);
});
afterEach(async () => {
  await doors.closeAll();
  await upstreams.closeAll();
});

describe('ATTACKS 33: faults are codes of ours', () => {
  test('nobody listens', async () => {
    const upstream = await upstreams.tcp(() => undefined);
    await upstreams.closeAll();
    expect(await failure(doors.to(upstream).send(request(), options()))).toMatchObject({
      code: 'upstream_unreachable',
      reason: 'ECONNREFUSED',
    });
  });

  test('the name is not known', async () => {
    const lookup = () =>
      Promise.reject(Object.assign(new Error(`getaddrinfo ENOTFOUND ${CANARY}`), { code: 'ENOTFOUND' }));
    const error = await failure(doors.to({ port: 1 }, { lookup }).send(request({ host: 'gone.test' }), options()));
    expect(error).toMatchObject({ code: 'upstream_unreachable', reason: 'ENOTFOUND' });
  });

  test('a fault code that is no code is dropped', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('x'), { code: `E ${CANARY}` }));
    const error = await failure(doors.to({ port: 1 }, { lookup }).send(request({ host: 'gone.test' }), options()));
    expect(error).toMatchObject({ code: 'upstream_unreachable', reason: null });
  });

  test.each([
    ['the connection is reset before the answer', (socket: { destroy(): void }) => socket.destroy()],
    ['the answer is not HTTP', (socket: { write(text: string): void }) => socket.write(`SSH-2.0 ${CANARY}\r\n\r\n`)],
    [
      'the length is said twice',
      (socket: { write(text: string): void }) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'),
    ],
    [
      'length and chunks contradict',
      (socket: { write(text: string): void }) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ],
    [
      'the connection is upgraded',
      (socket: { write(text: string): void }) =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    ],
    [
      'the answer ends early',
      (socket: { end(text: string): void }) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
    ],
    [
      'a chunk ends early',
      (socket: { end(text: string): void }) =>
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'),
    ],
  ])('%s', async (_what, answer) => {
    const upstream = await upstreams.tls((socket) => socket.once('data', () => answer(socket)));
    expect(await codeOf(doors.to(upstream).send(request(), options()))).toBe('upstream_protocol_error');
  });
});

test('ATTACKS 28: trailers are not handed on', async () => {
  const text = `HTTP/1.1 200 OK\r\nTrailer: X-Echo\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Echo: ${CANARY}\r\n\r\n`;
  const upstream = await upstreams.tls((socket) => socket.once('data', () => socket.write(text)));
  const response = await doors.to(upstream).send(request(), options());
  expect(response.body.toString()).toBe('ok');
  expect(JSON.stringify(response.headers)).not.toMatch(/x-echo|canary/i);
});

describe('ATTACKS 41: nothing is repeated', () => {
  test.each(['POST', 'GET'])('a %s whose connection is reset, also on a kept connection', async (method) => {
    let calls = 0;
    const upstream = await upstreams.https((incoming, answer) => {
      calls += 1;
      if (calls === 1) answer.end('ok');
      else incoming.socket.destroy();
    });
    const door = doors.to(upstream);
    await door.send(request({ method }), options());
    expect(await codeOf(door.send(request({ method }), options()))).toBe('upstream_protocol_error');
    await sleep(100);
    expect(calls).toBe(2);
  });

  test.each([401, 408, 429, 500, 503])('a POST answered %d', async (status) => {
    let calls = 0;
    const upstream = await upstreams.https((_incoming, answer) => {
      calls += 1;
      answer.writeHead(status, { 'retry-after': '0' }).end();
    });
    const response = await doors.to(upstream).send(request({ method: 'POST' }), options());
    expect([response.status, calls]).toEqual([status, 1]);
  });
});

test('P5: connections are kept for a tenant and never used for another', async () => {
  const upstream = await upstreams.https((_incoming, answer) => answer.end('ok'));
  const door = doors.to(upstream);
  for (let turn = 0; turn < 5; turn += 1) await door.send(request(), options({ tenantId: 'tenant-1' }));
  const kept = upstream.connections();
  expect(kept).toBeLessThan(5);
  await door.send(request(), options({ tenantId: 'tenant-2' }));
  expect(upstream.connections()).toBe(kept + 1);
});

test('two hundred calls at once are all answered', async () => {
  const upstream = await upstreams.https((incoming, answer) => answer.end(incoming.url));
  const door = doors.to(upstream);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_unused, i) => door.send(request({ path: `/${i}` }), options())),
  );
  expect(answers.map(({ body }) => body.toString())).toEqual(Array.from({ length: 200 }, (_unused, i) => `/${i}`));
});

test('P1: no call goes out while something listens to the HTTP client', async () => {
  const upstream = await upstreams.https((_incoming, answer) => answer.end('ok'));
  const listener = () => undefined;
  channel('undici:request:create').subscribe(listener);
  try {
    await expect(doors.to(upstream).send(request(), options())).rejects.toThrow('would see secrets');
  } finally {
    channel('undici:request:create').unsubscribe(listener);
  }
  expect(upstream.connections()).toBe(0);
});
