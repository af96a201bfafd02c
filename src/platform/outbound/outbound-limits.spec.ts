import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { HostileUpstreams, type Upstream } from '../../../test/support/hostile-upstream.js';
import { codeOf, OutboundDoors, options, request } from '../../../test/support/outbound-doors.js';
import { zstdBlock, zstdFrame, zstdRleBomb } from '../../../test/support/zstd-frames.js';

const MIB = 1_048_576;
/** Far less than for ever, which is what it would take without a deadline. */
const IN_TIME_MS = 20_000;

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

describe('ATTACKS 30: codings are undone or refused', () => {
  const text = Buffer.from('a secret in a coded body '.repeat(50));
  const coded = (coding: string, body: Buffer) =>
    upstreams.https((_incoming, answer) => answer.writeHead(200, { 'content-encoding': coding }).end(body));

  test.each([
    ['gzip', gzipSync(text)],
    ['X-GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdFrame([zstdBlock('raw', text, { isLast: true })])],
    ['identity', text],
  ])('%s', async (coding, body) => {
    const response = await doors.to(await coded(coding, body)).send(request(), options());
    expect(response.body).toEqual(text);
    expect(response.headers.map(([name]) => name)).not.toContain('content-encoding');
  });

  test.each(['compress', 'gzip, br', 'gzip, gzip', 'aes128gcm', 'x'])('%s is refused', async (coding) => {
    expect(await codeOf(doors.to(await coded(coding, gzipSync(text))).send(request(), options()))).toBe(
      'upstream_encoding_unsupported',
    );
  });

  test('a coding hidden in Transfer-Encoding is refused', async () => {
    const upstream = await upstreams.tls((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n')),
    );
    expect(await codeOf(doors.to(upstream).send(request(), options()))).toBe('upstream_encoding_unsupported');
  });

  test('a body that is not what it says, or breaks off, is a protocol error', async () => {
    expect(await codeOf(doors.to(await coded('gzip', text)).send(request(), options()))).toBe(
      'upstream_protocol_error',
    );
    expect(await codeOf(doors.to(await coded('zstd', text)).send(request(), options()))).toBe(
      'upstream_protocol_error',
    );
    expect(await codeOf(doors.to(await coded('gzip', gzipSync(text).subarray(0, 40))).send(request(), options()))).toBe(
      'upstream_protocol_error',
    );
  });

  test('an empty coded body is empty', async () => {
    const response = await doors.to(await coded('gzip', Buffer.alloc(0))).send(request(), options());
    expect(response.body).toHaveLength(0);
    const head = await doors.to(await coded('zstd', Buffer.alloc(0))).send(request({ method: 'HEAD' }), options());
    expect(head.status).toBe(200);
  });
});

describe('ATTACKS 36, 37: answers are capped', () => {
  test('by what they announce', async () => {
    let sent = 0;
    const upstream = await upstreams.https((_incoming, answer) => {
      answer.writeHead(200, { 'content-length': 10 * MIB });
      sent += answer.write(Buffer.alloc(1_000)) ? 1 : 0;
    });
    expect(await codeOf(doors.to(upstream).send(request(), options()))).toBe('upstream_too_large');
    expect(sent).toBe(1);
  });

  test('by what comes, without end', async () => {
    const upstream = await upstreams.https((_incoming, answer) => {
      const more = () => {
        while (!answer.destroyed && answer.write(Buffer.alloc(65_536)));
      };
      answer.on('drain', more);
      more();
    });
    expect(await codeOf(doors.to(upstream).send(request(), options()))).toBe('upstream_too_large');
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', (zeros: Buffer) => zstdRleBomb(zeros.length / 131_072)],
  ] as const)('a %s bomb, by size and by ratio', async (coding, compress) => {
    const bomb = compress(Buffer.alloc(8 * MIB));
    const upstream = await upstreams.https((_incoming, answer) =>
      answer.writeHead(200, { 'content-encoding': coding }).end(bomb),
    );
    const door = doors.to(upstream);
    expect(await codeOf(door.send(request(), options({ maxResponseBytes: 4 * MIB })))).toBe('upstream_too_large');
    expect(await codeOf(door.send(request(), options({ maxResponseBytes: 64 * MIB })))).toBe('upstream_too_large');
  });

  test('a coded body by what it decodes to, however little it grows', async () => {
    const text = Buffer.from(randomBytes(1.5 * MIB).toString('hex'));
    const upstream = await upstreams.https((_incoming, answer) =>
      answer.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(text)),
    );
    const door = doors.to(upstream);
    expect(await codeOf(door.send(request(), options({ maxResponseBytes: 2 * MIB })))).toBe('upstream_too_large');
    expect((await door.send(request(), options({ maxResponseBytes: 3 * MIB }))).body).toHaveLength(3 * MIB);
  });

  test('headers too', async () => {
    const upstream = await upstreams.tls((socket) =>
      socket.once('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\n${'X-Long: abcdefghijklmnopqrstuvwxyz\r\n'.repeat(4_000)}\r\n`),
      ),
    );
    expect(await codeOf(doors.to(upstream).send(request(), options()))).toBe('upstream_too_large');
  });
});

describe('ATTACKS 38: every call ends by its deadline', () => {
  const inTime = async (upstream: Upstream) => {
    const start = Date.now();
    const code = await codeOf(
      doors.to(upstream).send(request({ method: 'POST', body: Buffer.alloc(MIB) }), options({ timeoutMs: 300 })),
    );
    expect(Date.now() - start).toBeLessThan(IN_TIME_MS);
    return code;
  };

  test('when the TCP connection stays silent', async () =>
    expect(await inTime(await upstreams.tcp(() => undefined))).toBe('upstream_timeout'));
  test('when the upload is not read', async () =>
    expect(await inTime(await upstreams.tls((socket) => void socket.pause()))).toBe('upstream_timeout'));
  test('when no header comes', async () =>
    expect(await inTime(await upstreams.https(() => undefined))).toBe('upstream_timeout'));

  test('when headers drip', async () => {
    const upstream = await upstreams.tls((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const drip = setInterval(() => socket.write('X-A: b\r\n'), 20);
      socket.on('close', () => clearInterval(drip));
    });
    expect(await inTime(upstream)).toBe('upstream_timeout');
  });

  test('when informational answers never stop', async () => {
    const upstream = await upstreams.tls((socket) => {
      const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10);
      socket.on('close', () => clearInterval(drip));
    });
    expect(await inTime(upstream)).toBe('upstream_timeout');
  });

  test('when the body drips', async () => {
    const upstream = await upstreams.https((_incoming, answer) => {
      answer.writeHead(200);
      const drip = setInterval(() => answer.write('.'), 20);
      answer.on('close', () => clearInterval(drip));
    });
    expect(await inTime(upstream)).toBe('upstream_timeout');
  });

  test('when the resolver does not answer', async () => {
    const door = doors.to({ port: 1 }, { lookup: () => new Promise(() => undefined) }, { resolve: new Map() });
    expect(await codeOf(door.send(request({ host: 'slow.test' }), options({ timeoutMs: 200 })))).toBe(
      'upstream_timeout',
    );
  });
});

describe('ATTACKS 39: a call is cut from outside', () => {
  const cutAfter = (ms: number): AbortSignal => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), ms);
    return controller.signal;
  };

  test('before it starts', async () => {
    const upstream = await upstreams.https((_incoming, answer) => answer.end('ok'));
    expect(await codeOf(doors.to(upstream).send(request(), options({ signal: AbortSignal.abort() })))).toBe('aborted');
    await sleep(50);
    expect(upstream.connections()).toBe(0);
  });

  test('while it connects', async () => {
    const upstream = await upstreams.tcp(() => undefined);
    expect(await codeOf(doors.to(upstream).send(request(), options({ signal: cutAfter(50) })))).toBe('aborted');
  });

  test('while the body streams, and the upstream sees the connection end', async () => {
    let ended: () => void;
    const sawEnd = new Promise<void>((resolve) => (ended = resolve));
    const controller = new AbortController();
    const upstream = await upstreams.https((_incoming, answer) => {
      answer.on('close', () => ended());
      answer.writeHead(200).write('first', () => setTimeout(() => controller.abort(), 50));
    });
    expect(await codeOf(doors.to(upstream).send(request(), options({ signal: controller.signal })))).toBe('aborted');
    await sawEnd;
  });

  test('while nobody reads the body, and its place is free again', async () => {
    const upstream = await upstreams.https((_incoming, answer) => void answer.writeHead(200).write(Buffer.alloc(MIB)));
    const controller = new AbortController();
    const stream = await doors.to(upstream).open(request(), options({ signal: controller.signal }));
    await sleep(50);
    controller.abort();
    await sleep(50);
    expect(await codeOf(buffer(stream.body))).toBe('aborted');
  });
});

test('a body can be streamed, and breaking off ends the upstream connection', async () => {
  let ended: () => void;
  const sawEnd = new Promise<void>((resolve) => (ended = resolve));
  const upstream = await upstreams.https((_incoming, answer) => {
    const tick = setInterval(() => answer.write('tick'), 10);
    answer.on('close', () => (clearInterval(tick), ended()));
  });
  const { body } = await doors.to(upstream).open(request(), options());
  for await (const piece of body) {
    expect(piece.toString()).toContain('tick');
    break;
  }
  await sawEnd;
});
