import dns from 'node:dns/promises';
import { DemoAuthority } from '../../src/quickstart/certificates.js';
import { type AppTenant, execute, startApp, storeCredential, type TestApp, UPSTREAM_URL } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { adminUrl } from '../support/cluster.js';
import type { Answer, DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { HostileUpstreams } from '../support/hostile-upstream.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const SECRET = 'sk-live-0123456789abcdef';
const RESPONSE_BYTES_MAX = 65_536;
/** Stands in the URL of every call here; no answer may repeat it. */
const CANARY = 'canary-in-the-path';

const upstream = new ScriptedUpstream();
let hostile: HostileUpstreams;
let stranger: { readonly connections: () => number };
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  hostile = await HostileUpstreams.create();
  const other = await DemoAuthority.create();
  const impostor = await hostile.https(
    (_, response) => response.end('{}'),
    await other.issue(['impostor.upstream.test']),
  );
  stranger = impostor;
  const noise = await hostile.tcp((socket) => socket.on('data', () => socket.end('HTTP/1.1 what?\r\n\r\n')));
  const closed = await hostile.tcp(() => undefined);
  await closed.close();
  app = await startApp({
    upstream: upstream.listener,
    env: { RESPONSE_BYTES_MAX: String(RESPONSE_BYTES_MAX) },
    hosts: {
      'impostor.upstream.test': `127.0.0.1:${impostor.port}`,
      'plain.upstream.test': `127.0.0.1:${noise.port}`,
      'closed.upstream.test': `127.0.0.1:${closed.port}`,
      // The database that Chancery itself depends on.
      'own.upstream.test': `127.0.0.1:${new URL(adminUrl()).port}`,
    },
  });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  const more = { allowed_domains: ['*.upstream.test'] };
  await storeCredential(tenant, 'key', SECRET, { grantTo: [agent], more });
});
afterAll(async () => {
  await app?.close();
  await hostile?.closeAll();
});

/** The call failed with a code of ours, nothing of the request in it, and the chain says the same. */
async function expectFailure(answer: Answer, status: number, code: string): Promise<void> {
  expect([answer.status, answer.body.code]).toEqual([status, code]);
  const text = JSON.stringify([answer.body, [...answer.headers], app.logged]);
  for (const told of [SECRET, CANARY, 'upstream.test']) expect(text.split(told)).toHaveLength(1);
  const { seq } = answer.body.audit as { seq: number };
  const entries = await eventually(
    () => entriesOf(app.open, tenant.id),
    (found) => found.some(({ entry }) => entry.details.intent === seq),
  );
  const outcome = entries.find(({ entry }) => entry.details.intent === seq)?.entry;
  expect(outcome).toMatchObject({ outcome: 'failure', details: { code } });
  // No call here has more time than this.
  expect(outcome?.details.duration_ms).toBeLessThan(2_000);
  expect(JSON.stringify(entries)).not.toContain(SECRET);
}

const at = (host: string) => ({ url: `https://${host}.upstream.test/${CANARY}?q=${CANARY}` });

test.each([
  ['that proves to be somebody else', 'impostor', 502, 'upstream_tls_failed'],
  ['that does not speak TLS', 'plain', 502, 'upstream_tls_failed'],
  ['where nobody listens', 'closed', 502, 'upstream_unreachable'],
  ['that is Chancery’s own database (ATTACKS 17)', 'own', 403, 'upstream_address_refused'],
])('ATTACKS 33: an upstream %s is a code of ours', async (_, host, status, code) => {
  await expectFailure(await execute(agent, 'key', at(host)), status, code);
  expect(stranger.connections()).toBe(0);
});

const answers = (...addresses: string[]) =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

test.each([
  ['the cloud’s metadata', ['169.254.169.254']],
  ['ECS metadata', ['169.254.170.2']],
  ['Alibaba’s metadata', ['100.100.100.200']],
  ['Oracle’s metadata', ['192.0.0.192']],
  ['Azure’s host', ['168.63.129.16']],
  ['EC2’s metadata over IPv6', ['fd00:ec2::254']],
  ['loopback', ['127.0.0.1']],
  ['a private network', ['10.1.2.3']],
  ['loopback over IPv6', ['::1']],
  ['a unique local address', ['fc00::1']],
  ['a link-local address', ['fe80::1']],
  ['an IPv4 address mapped into IPv6', ['::ffff:10.0.0.1']],
  ['one behind NAT64', ['64:ff9b::a9fe:a9fe']],
  ['one behind 6to4', ['2002:a9fe:a9fe::1']],
  ['one bad address among good ones', ['93.184.216.34', '10.0.0.1']],
])('ATTACKS 14–16: a name that resolves to %s is not dialled', async (_, addresses) => {
  const lookup = jest.spyOn(dns, 'lookup').mockResolvedValue(answers(...addresses) as never);
  try {
    await expectFailure(await execute(agent, 'key', at('rebinding')), 403, 'upstream_address_refused');
    expect(lookup).toHaveBeenCalledTimes(1);
  } finally {
    lookup.mockRestore();
  }
});

test('ATTACKS 33: a name that does not resolve is a code of ours', async () => {
  const refusal = Object.assign(new Error(`getaddrinfo ENOTFOUND ${CANARY}`), { code: 'ENOTFOUND', hostname: CANARY });
  const lookup = jest.spyOn(dns, 'lookup').mockRejectedValue(refusal);
  try {
    await expectFailure(await execute(agent, 'key', at('missing')), 502, 'upstream_unreachable');
  } finally {
    lookup.mockRestore();
  }
});

test('ATTACKS 33: an upstream that speaks no HTTP is a code of ours', async () => {
  upstream.on(`/${CANARY}`, ({ socket }) => socket.end('this is no HTTP'));
  await expectFailure(
    await execute(agent, 'key', { url: `${UPSTREAM_URL}/${CANARY}` }),
    502,
    'upstream_protocol_error',
  );
});

test('ATTACKS 38: an upstream that takes too long is 504', async () => {
  upstream.hangOn(`/${CANARY}`);
  const answer = await execute(agent, 'key', { url: `${UPSTREAM_URL}/${CANARY}` }, { timeout_ms: 150 });
  await expectFailure(answer, 504, 'upstream_timeout');
  await eventually(
    () => upstream.givenUp,
    (count) => count === 1,
  );
});

test('ATTACKS 38: an answer that drips is ended by the same deadline', async () => {
  upstream.on(`/${CANARY}`, (_, response) => {
    response.writeHead(200).write('{');
    const dripping = setInterval(() => response.write(' '), 20);
    response.once('close', () => clearInterval(dripping));
  });
  const answer = await execute(agent, 'key', { url: `${UPSTREAM_URL}/${CANARY}` }, { timeout_ms: 200 });
  await expectFailure(answer, 504, 'upstream_timeout');
});

test.each([
  ['and says so', { 'content-length': String(RESPONSE_BYTES_MAX + 1) }],
  ['and does not say so', {}],
])('ATTACKS 36: an answer that is too large %s is 502', async (_, headers) => {
  upstream.on(`/${CANARY}`, (_request, response) => {
    response
      .on('error', () => undefined)
      .writeHead(200, headers)
      .end(Buffer.alloc(RESPONSE_BYTES_MAX + 1, 'a'));
  });
  await expectFailure(await execute(agent, 'key', { url: `${UPSTREAM_URL}/${CANARY}` }), 502, 'upstream_too_large');
});

test('ATTACKS 36: an answer as large as may be passes', async () => {
  upstream.on('/large', (_, response) => response.end(Buffer.alloc(RESPONSE_BYTES_MAX, 'a')));
  const { body } = await execute(agent, 'key', { url: `${UPSTREAM_URL}/large` });
  expect(body.body).toHaveLength(RESPONSE_BYTES_MAX);
});

test('ATTACKS 30: an answer in an unknown coding is refused', async () => {
  upstream.on(`/${CANARY}`, (_, response) => response.writeHead(200, { 'content-encoding': 'rot13' }).end(SECRET));
  await expectFailure(
    await execute(agent, 'key', { url: `${UPSTREAM_URL}/${CANARY}` }),
    502,
    'upstream_encoding_unsupported',
  );
});
