import { HostileUpstreams, UPSTREAM_HOST } from '../../../test/support/hostile-upstream.js';
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

test('a request arrives as it was rendered, and its answer comes back', async () => {
  let seen: unknown;
  const upstream = await upstreams.https((incoming, answer) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('end', () => {
      seen = {
        method: incoming.method,
        url: incoming.url,
        headers: incoming.rawHeaders,
        body: Buffer.concat(pieces).toString(),
      };
      answer.writeHead(201, 'Made', [
        ['X-A', '1'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['X-Bytes', 'caf\xe9'],
      ]);
      answer.end('hello');
    });
  });
  const response = await doors
    .to(upstream)
    .send(
      request({ method: 'POST', path: '/a%2Fb?c=d', headers: [['X-Key', 'v\xc3\xbc']], body: Buffer.from('body') }),
      options(),
    );
  expect(seen).toEqual({
    method: 'POST',
    url: '/a%2Fb?c=d',
    headers: [
      'host',
      UPSTREAM_HOST,
      'connection',
      'keep-alive',
      'X-Key',
      'v\xc3\xbc',
      'accept-encoding',
      'identity',
      'content-length',
      '4',
    ],
    body: 'body',
  });
  expect(response).toMatchObject({ status: 201, statusText: 'Made' });
  expect(response.body.toString()).toBe('hello');
  expect(response.headers.filter(([name]) => name !== 'Date')).toEqual([
    ['X-A', '1'],
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['X-Bytes', 'caf\xe9'],
  ]);
});

describe('ATTACKS 16: every answer of the resolver is validated, and what was validated is dialled', () => {
  const withLookup = (...answers: string[][]) => {
    let turn = 0;
    const lookup = () =>
      Promise.resolve(
        (answers[Math.min(turn++, answers.length - 1)] as string[]).map((address) => ({
          address,
          family: address.includes(':') ? 6 : 4,
        })),
      );
    return { lookup, turns: () => turn };
  };

  test.each([
    [['127.0.0.1']],
    [['10.0.0.1']],
    [['169.254.169.254']],
    [['8.8.8.8', '127.0.0.1']],
    [['::1']],
    [['::ffff:8.8.8.8']],
    [['not an address']],
  ])('%j is refused without a connection', async (answer) => {
    const upstream = await upstreams.tcp(() => undefined);
    const { lookup } = withLookup(answer);
    const door = doors.to(upstream, { lookup }, { resolve: new Map() });
    expect(await codeOf(door.send(request({ host: 'rebind.test', port: upstream.port }), options()))).toBe(
      'upstream_address_refused',
    );
    expect(upstream.connections()).toBe(0);
  });

  test('no answer is unreachable', async () => {
    const { lookup } = withLookup([]);
    expect(await codeOf(doors.to({ port: 1 }, { lookup }).send(request({ host: 'gone.test' }), options()))).toBe(
      'upstream_unreachable',
    );
  });

  test('a resolver that changes its mind is asked once for one dial', async () => {
    const upstream = await upstreams.https((_incoming, answer) => answer.end('ok'));
    const { lookup, turns } = withLookup(['127.0.0.1'], ['10.0.0.1']);
    const door = doors.to(upstream, { lookup }, { resolve: new Map(), allowRanges: ['127.0.0.0/8'] });
    const response = await door.send(request({ port: upstream.port }), options());
    expect(response.status).toBe(200);
    expect(turns()).toBe(1);
  });

  test('a call that is bound to private ranges is dialled inside them only, whatever connection is open already', async () => {
    const upstream = await upstreams.https((_incoming, answer) => answer.end('ok'));
    const { lookup } = withLookup(['127.0.0.1']);
    const door = doors.to(upstream, { lookup }, { resolve: new Map(), allowRanges: ['127.0.0.0/8'] });
    const send = (privateRanges?: string[]) =>
      door.send(request({ port: upstream.port }), options(privateRanges === undefined ? {} : { privateRanges }));
    expect((await send()).status).toBe(200);
    expect(await codeOf(send(['10.0.0.0/8']))).toBe('upstream_address_refused');
    expect((await send(['10.0.0.0/8', '127.0.0.0/16'])).status).toBe(200);
    expect(await codeOf(send([]))).toBe('upstream_address_refused');
    const streamed = options({ privateRanges: ['10.0.0.0/8'] });
    expect(await codeOf(door.open(request({ port: upstream.port }), streamed))).toBe('upstream_address_refused');
    // Nothing that the deployment does not list.
    const other = doors.to(upstream, { lookup }, { resolve: new Map(), allowRanges: ['10.0.0.0/8'] });
    const own = options({ privateRanges: ['127.0.0.0/8'] });
    expect(await codeOf(other.send(request({ port: upstream.port }), own))).toBe('upstream_address_refused');
  });

  test('ATTACKS 17: our own listener is refused behind an allowed name', async () => {
    const upstream = await upstreams.https((_incoming, answer) => answer.end('ok'));
    const own = [{ address: '0.0.0.0', port: upstream.port }];
    const { lookup } = withLookup(['127.0.0.1']);
    const listed = doors.to(upstream, { lookup }, { resolve: new Map(), allowRanges: ['127.0.0.0/8'], own });
    expect(await codeOf(listed.send(request({ port: upstream.port }), options()))).toBe('upstream_address_refused');
    expect(await codeOf(doors.to(upstream, {}, { own }).send(request(), options()))).toBe('upstream_address_refused');
    expect(upstream.connections()).toBe(0);
  });

  test.each(['127.0.0.1', '[::1]', '2130706433', 'localhost:1', 'a b', 'API.upstream.test'])(
    'the host %j is refused even when asked for directly',
    async (host) => {
      expect(await codeOf(doors.to({ port: 1 }).send(request({ host }), options()))).toBe('upstream_address_refused');
    },
  );
});

describe('TLS is verified', () => {
  const ok = (_incoming: unknown, answer: { end(text: string): void }) => answer.end('ok');

  test('against an unknown authority', async () => {
    const upstream = await upstreams.https(ok);
    const error = await failure(doors.to(upstream, { extraCa: undefined }).send(request(), options()));
    expect(error).toMatchObject({ code: 'upstream_tls_failed', reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  test('against the name that was checked', async () => {
    const upstream = await upstreams.https(ok, await upstreams.authority.issue(['other.upstream.test']));
    const error = await failure(doors.to(upstream).send(request(), options()));
    expect(error).toMatchObject({ code: 'upstream_tls_failed', reason: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  test('against its dates', async () => {
    const past = { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') };
    const upstream = await upstreams.https(ok, await upstreams.authority.issue([UPSTREAM_HOST], past));
    expect(await failure(doors.to(upstream).send(request(), options()))).toMatchObject({
      code: 'upstream_tls_failed',
      reason: 'CERT_HAS_EXPIRED',
    });
  });

  test('against an authority of the same name', async () => {
    const impostor = await (await HostileUpstreams.create()).authority.issue([UPSTREAM_HOST]);
    expect(await codeOf(doors.to(await upstreams.https(ok, impostor)).send(request(), options()))).toBe(
      'upstream_tls_failed',
    );
  });

  test('whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    const upstream = await upstreams.https(ok);
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await codeOf(doors.to(upstream, { extraCa: undefined }).send(request(), options()))).toBe(
        'upstream_tls_failed',
      );
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  test('and a server without TLS gets nothing of the request', async () => {
    const received: Buffer[] = [];
    const upstream = await upstreams.tcp((socket) => {
      socket.on('data', (piece) => received.push(piece));
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
    });
    expect(await codeOf(doors.to(upstream).send(request(), options()))).toBe('upstream_tls_failed');
    expect(Buffer.concat(received).toString('latin1')).not.toContain(CANARY);
  });
});

test('ATTACKS 18: proxies of the environment are ignored', async () => {
  const proxy = await upstreams.tcp(() => undefined);
  const upstream = await upstreams.https((_incoming, answer) => answer.end('ok'));
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'https_proxy', 'http_proxy', 'ALL_PROXY'];
  for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`;
  try {
    expect((await doors.to(upstream).send(request(), options())).status).toBe(200);
  } finally {
    for (const name of names) delete process.env[name];
  }
  expect(proxy.connections()).toBe(0);
});

test.each([301, 302, 303, 307, 308])('ATTACKS 19: a %d is handed back, not followed', async (status) => {
  let calls = 0;
  const upstream = await upstreams.https((_incoming, answer) => {
    calls += 1;
    answer.writeHead(status, { location: 'https://evil.example/' }).end();
  });
  const response = await doors.to(upstream).send(request(), options());
  expect(response.status).toBe(status);
  expect(response.headers).toContainEqual(['location', 'https://evil.example/']);
  expect(calls).toBe(1);
});
