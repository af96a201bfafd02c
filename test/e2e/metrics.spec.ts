import { readFileSync } from 'node:fs';
import { settingsOfHandler } from '../../src/platform/http/route-config.js';
import { routesOf } from '../../src/platform/http/route-list.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import {
  type AppTenant,
  execute,
  MASTER_PASSWORD,
  startApp,
  storeCredential,
  type TestApp,
  UPSTREAM_URL,
} from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { signedIn } from '../support/identity.js';

jest.setTimeout(300_000);

const SECRET = 'sk-live-0123456789abcdef';
const NAME = 'metered-credential';
/** All the labels there are; the last ones are those of prom-client’s own metrics. */
const LABELS = ['surface', 'method', 'route', 'status', 'code', 'outcome', 'kind', 'use', 'le'];
const LABELS_OF_NODE = ['type', 'space', 'version', 'major', 'minor', 'patch'];

let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let key: string;
beforeAll(async () => {
  app = await startApp({
    upstream: (request, response) => response.end(request.url === '/echo' ? request.headers.authorization : '{}'),
  });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'metered-agent');
  await storeCredential(tenant, NAME, SECRET, { grantTo: [agent] });
  const made = await app.staff<{ key: string }>('POST', '/v1/service-keys', { name: 'prometheus', role: 'auditor' });
  key = made.body.key;
});
afterAll(() => app?.close());

const ask = (url: string, token?: string): Promise<Response> =>
  fetch(`${url}/metrics`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });

async function scrape(): Promise<string> {
  const answer = await ask(app.at.ops, key);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  return answer.text();
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?[0-9.e+-]+|NaN|Nan|[+-]Inf)$/;

function samplesOf(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', pairs = '', value = ''] = SAMPLE.exec(line) ?? [];
      expect([line, name]).not.toEqual([line, '']);
      const labels = Object.fromEntries(
        [...pairs.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, l, v]) => [l, v]),
      );
      return { name, labels, value: value.endsWith('Inf') ? Infinity : Number(value) };
    });
}

/** The sum of what has these labels. */
function valueOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  const fits = (one: Sample) => Object.entries(labels).every(([label, value]) => one.labels[label] === value);
  return samples.filter((one) => one.name === name && fits(one)).reduce((sum, { value }) => sum + value, 0);
}

/** By how much each of these grew meanwhile. */
async function growth<K extends string>(
  what: Readonly<Record<K, readonly [name: string, labels?: Readonly<Record<string, string>>]>>,
  work: () => Promise<unknown>,
): Promise<Record<K, number>> {
  const read = async () => {
    const samples = samplesOf(await scrape());
    return Object.entries<readonly [string, Readonly<Record<string, string>>?]>(what).map(
      ([title, [name, labels]]) => [title, valueOf(samples, name, labels)] as const,
    );
  };
  const before = Object.fromEntries(await read());
  await work();
  return Object.fromEntries((await read()).map(([title, value]) => [title, value - (before[title] ?? 0)])) as Record<
    K,
    number
  >;
}

test('whoever reads the ops surface reads it, by key or session; nobody else does', async () => {
  expect((await ask(app.at.ops)).status).toBe(401);
  expect((await ask(app.at.ops, tenant.key)).status).toBe(401);
  for (const surface of ['tenant', 'public'] as const) expect((await ask(app.at[surface], key)).status).toBe(404);
  expect((await ask(app.at.ops, await signedIn(app, PLATFORM_TENANT_ID, 'auditor'))).status).toBe(200);
  expect((await agent.call('GET', '/metrics')).status).toBe(404);
});

test('a use, a denial, a redaction and a wrong token show up, each once', async () => {
  const grown = await growth(
    {
      success: ['chancery_uses_total', { outcome: 'success' }],
      denied: ['chancery_uses_total', { outcome: 'denied', code: 'domain_not_allowed' }],
      refused: ['chancery_uses_total', { outcome: 'denied', code: 'url_refused' }],
      all: ['chancery_uses_total'],
      calls: ['chancery_upstream_call_duration_seconds_count', { outcome: 'success' }],
      redactions: ['chancery_redactions_total'],
      answers: ['chancery_redacted_answers_total'],
      tokens: ['chancery_unauthenticated_requests_total', { code: 'invalid_token' }],
      requests: [
        'chancery_http_request_duration_seconds_count',
        { surface: 'tenant', method: 'POST', route: '/v1/credentials/:name/execute', status: '2xx' },
      ],
      refusals: [
        'chancery_http_request_duration_seconds_count',
        { surface: 'tenant', route: '/v1/credentials/:name/execute', status: '4xx' },
      ],
      unknown: ['chancery_http_request_duration_seconds_count', { surface: 'public', route: 'none', status: '4xx' }],
      entries: ['chancery_commit_batch_entries_sum'],
    },
    async () => {
      expect((await execute(agent, NAME)).status).toBe(200);
      expect((await execute(agent, NAME, { url: 'https://metered-host.example/' })).status).toBe(403);
      expect((await execute(agent, NAME, { url: 'nowhere' })).status).toBe(400);
      expect((await execute(agent, NAME, { url: `${UPSTREAM_URL}/echo` })).body).toMatchObject({ redactions: 1 });
      await fetch(`${app.at.public}/metered-path/${tenant.id}`);
      const { accessToken } = agent;
      agent.accessToken = 'not.a.token';
      expect((await execute(agent, NAME)).status).toBe(401);
      agent.accessToken = accessToken;
      // Whoever reads the log has it written first, outcomes with it.
      await tenant.admin('GET', '/v1/audit/entries?limit=1');
    },
  );
  expect(grown).toEqual({
    success: 2,
    denied: 1,
    refused: 1,
    all: 4,
    calls: 2,
    redactions: 1,
    answers: 1,
    tokens: 1,
    requests: 2,
    refusals: 3,
    unknown: 1,
    entries: 7,
  });
});

test('states are what they are at the moment', async () => {
  const states = async () => {
    const samples = samplesOf(await scrape());
    return ['chancery_vault_sealed', 'chancery_global_brake'].map((name) => valueOf(samples, name));
  };
  expect(await states()).toEqual([0, 0]);
  const brake = await app.staff<{ id: string }>('POST', '/v1/brakes', { scope: 'global', reason: 'test' });
  await app.staff('POST', '/v1/vault/seal', { reason: 'test' });
  expect(await states()).toEqual([1, 1]);
  await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD });
  const confirmed = { reason: 'test', confirm: 'clear the global brake' };
  await app.staff('POST', `/v1/brakes/${brake.body.id}/clear`, confirmed);
  expect((await states())[0]).toBe(0);
  // A machine that has much else to do may be late for a while, and says so.
  const samples = await eventually(
    async () => samplesOf(await scrape()),
    (all) => valueOf(all, 'chancery_node_lease_age_seconds') < 2 && valueOf(all, 'chancery_queue_ready') === 1,
  );
  expect(valueOf(samples, 'chancery_database_connections')).toBeGreaterThan(0);
  expect(samples.map(({ name }) => name)).toContain('chancery_outbox_oldest_due_seconds');
});

test('P1, P19: closed lists are all that labels hold, and what is there is well-formed and written down', async () => {
  const text = await scrape();
  const samples = samplesOf(text);
  expect(new Set(samples.flatMap(({ labels }) => Object.keys(labels)))).toEqual(
    new Set([...LABELS, ...LABELS_OF_NODE]),
  );
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
  expect(new Set(names).size).toBe(names.length);
  const { id, namespace } = tenant;
  for (const held of [SECRET, NAME, 'metered', id, namespace, agent.id, agent.id.slice(4), '127.0.0.1', UPSTREAM_HOST])
    expect([held, text.includes(held)]).toEqual([held, false]);
  expect(text).not.toMatch(/\b[a-z]{3}_[0-9a-f]{32}\b|[0-9a-f]{8}-[0-9a-f]{4}-/);

  const histogram = samples.filter(({ name }) => name === 'chancery_commit_batch_entries_bucket');
  expect(histogram.map(({ value }) => value)).toEqual(histogram.map(({ value }) => value).sort((a, b) => a - b));
  expect(histogram.at(-1)?.value).toBe(valueOf(samples, 'chancery_commit_batch_entries_count'));

  const reference = readFileSync('docs/reference.md', 'utf8');
  const own = names.filter((name) => !/^chancery_(?:process|nodejs)_/.test(name));
  expect(own.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
});

test('P20: it is asked for when there is too much to do, and gives way no more than health does', () => {
  const yields = (path: string) =>
    routesOf(app.app)
      .filter((route) => route.path === path)
      .map(({ handler }) => settingsOfHandler(handler).yieldsUnderLoad);
  expect(yields('/metrics')).toEqual([undefined]);
  expect(yields('/metrics')).toEqual(yields('/health/ready'));
  expect(yields('/v1/credentials/{name}/execute')).toEqual([true]);
});
