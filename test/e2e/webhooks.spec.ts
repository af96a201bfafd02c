import { Webhook } from 'standardwebhooks';
import { VerifyChains } from '../../src/audit/verify-chains.js';
import {
  type AppTenant,
  execute,
  expectStatus,
  MASTER_PASSWORD,
  startApp,
  storeCredential,
  type TestApp,
  UPSTREAM_URL,
} from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

jest.setTimeout(300_000);

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let paths = 0;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener, env: { JOBS_EVERY_MS: '100' } });
});
beforeEach(async () => {
  tenant = await app.newTenant();
});
afterAll(() => app?.close());

const receiver = (events?: readonly string[]): Promise<WebhookReceiver> =>
  WebhookReceiver.register(tenant, `/hook/${++paths}`, { upstream, events });

async function brake(reason = 'a drill'): Promise<string> {
  const pulled = await tenant.admin<{ id: string }>('POST', '/v1/brakes', { scope: 'tenant', reason });
  expectStatus(pulled, 201);
  return pulled.body.id;
}

/** Time passes: whatever waits for its next attempt is due now. */
const letTimePass = (): Promise<unknown> =>
  asSuperuser(app.database.adminUrl, (admin) =>
    admin.query('update chancery.outbox set due_at = now() where done_at is null'),
  );

test('an event is signed by the standard, names its entry, and tells what stands there', async () => {
  const hook = await receiver();
  const id = await brake();
  const [told] = await hook.until(1);
  const entry = (await entriesOf(app.open, tenant.id)).find(({ entry: { action } }) => action === 'brake.activate');
  expect(told).toEqual({
    id: `evt_${entry?.hash.slice(0, 32)}`,
    type: 'brake.activated',
    timestamp: entry?.entry.at,
    data: {
      tenant: entry?.entry.tenant,
      actor: entry?.entry.actor,
      action: 'brake.activate',
      outcome: 'success',
      details: { brake: id, reason: 'a drill', scope: 'tenant' },
      audit: { seq: entry?.entry.seq, hash: entry?.hash },
    },
  });
  expect(await hook.newestIs('delivered')).toMatchObject({ event_id: told?.id, attempts: 1, next_attempt_at: null });
  expect(() => hook.told('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')).toThrow('No matching signature');
});

test('brake, clearing and tier come as they happened; what is not notable, or not asked for, does not come', async () => {
  const [all, tiers] = [await receiver(), await receiver(['agent.tier_changed'])];
  const id = await brake();
  expectStatus(await tenant.human('POST', `/v1/brakes/${id}/clear`, { reason: 'over' }), 200);
  await app.newAgent(tenant, 'climber');
  const told = await all.until(3);
  expect(told.map(({ type }) => type).sort()).toEqual(['agent.tier_changed', 'brake.activated', 'brake.cleared']);
  const [tier] = await tiers.until(1);
  expect(tier).toMatchObject({ type: 'agent.tier_changed', data: { details: { from: 'NOVICE', to: 'COMPANION' } } });
  expect(await tiers.deliveries()).toHaveLength(1);
  expect(tier?.id).toBe(told.find(({ type }) => type === 'agent.tier_changed')?.id);
});

test('a use that was redacted is told of: its event rides in the statement of the committer', async () => {
  const hook = await receiver();
  const agent = await app.newAgent(tenant, 'asker');
  const value = 'sk-live-0123456789abcdef';
  await storeCredential(tenant, 'key', value, { grantTo: [agent] });
  upstream.on('/echo', (_, response) => response.end(value));
  expectStatus(await execute(agent, 'key', { url: `${UPSTREAM_URL}/echo` }), 200);
  // A redaction is an anomaly too, which whoever follows the chain says a moment later.
  const told = await hook.until(3);
  const redacted = told.find(({ type }) => type === 'credential.redacted');
  expect(redacted).toMatchObject({ data: { details: { count: 1, places: ['body'] } } });
  const types = (await hook.deliveries()).map(({ type }) => type);
  expect(types.sort((a, b) => a.localeCompare(b))).toEqual([
    'agent.tier_changed',
    'anomaly.detected',
    'credential.redacted',
  ]);
});

test('a chain that does not verify is told of, once, however often somebody looks', async () => {
  const hook = await receiver();
  await asSuperuser(app.database.adminUrl, (admin) =>
    admin.query("update chancery.audit_entries set actor = 'nobody' where tenant_id = $1 and seq = 1", [tenant.id]),
  );
  const look = () => tenant.admin<{ verdict: string }>('GET', '/v1/audit/verification');
  for (const answer of [await look(), await look()]) expect(answer.body).toMatchObject({ verdict: 'tampered' });
  await app.app.get(VerifyChains, { strict: false }).execute();
  expect(await hook.until(1)).toMatchObject([
    { type: 'audit.verification_failed', data: { details: { verdict: 'tampered', first_bad_seq: 1 } } },
  ]);
  await hook.newestIs('delivered');
  expect(await hook.deliveries()).toHaveLength(1);
});

test('a failed delivery is tried again under the same id until it arrives, and the log says so', async () => {
  const hook = await receiver();
  hook.answers(500, 503);
  await brake();
  for (const attempts of [1, 2]) {
    await eventually(
      () => hook.deliveries(),
      ([one]) => (one?.attempts ?? 0) >= attempts,
    );
    await letTimePass();
  }
  const told = await hook.until(3);
  expect(new Set(told.map(({ id }) => id)).size).toBe(1);
  expect((await hook.newestIs('delivered')).log).toMatchObject([
    { status: 500, error: 'the endpoint answered 500', response: 'answered 500' },
    { status: 503, error: 'the endpoint answered 503' },
    { status: 200, error: null, response: 'answered 200' },
  ]);
});

test('during an overlap both secrets verify, and after it only the new one', async () => {
  const hook = await receiver();
  const rotate = async (overlap_seconds: number): Promise<string> => {
    const path = `/v1/webhooks/${hook.id}/rotate-secret`;
    return (await tenant.admin<{ secret: string }>('POST', path, { overlap_seconds })).body.secret;
  };
  const second = await rotate(3_600);
  await brake();
  await hook.until(1);
  expect(hook.told(second)).toEqual(hook.told());
  const third = await rotate(0);
  expectStatus(await tenant.admin('POST', `/v1/webhooks/${hook.id}/test`), 201);
  await eventually(
    () => hook.requests.length,
    (came) => came === 2,
  );
  const { body, headers } = hook.requests[1] as (typeof hook.requests)[number];
  const verify = (secret: string) => new Webhook(secret).verify(body, headers as Record<string, string>);
  expect(verify(third)).toMatchObject({ type: 'webhook.test', data: { details: { webhook: hook.id } } });
  for (const old of [hook.secret, second]) expect(() => verify(old)).toThrow('No matching signature');
});

test('410 disables; what was missed meanwhile is logged, and replayed once it is active again', async () => {
  const since = new Date(Date.now() - 60_000).toISOString();
  const hook = await receiver(['brake.activated', 'brake.cleared']);
  hook.answers(410);
  const id = await brake();
  await hook.newestIs('failed');
  const disabled = await tenant.admin('GET', `/v1/webhooks/${hook.id}`);
  expect(disabled.body).toMatchObject({ state: 'disabled', disabled_reason: 'the endpoint answered 410 Gone' });
  const { entry } = (await entriesOf(app.open, tenant.id)).at(-1) ?? {};
  expect(entry).toMatchObject({ actor: 'system:webhooks', action: 'webhook.disable', details: { webhook: hook.id } });

  expectStatus(await tenant.human('POST', `/v1/brakes/${id}/clear`, { reason: 'over' }), 200);
  await hook.newestIs('dropped');
  const replay = () => tenant.admin('POST', `/v1/webhooks/${hook.id}/replay`, { since });
  expect((await replay()).body).toMatchObject({ code: 'webhook_disabled' });
  expectStatus(await tenant.admin('PATCH', `/v1/webhooks/${hook.id}`, { state: 'active' }), 200);
  expect((await replay()).body).toEqual({ replayed: 2, next_since: null });
  const told = await hook.until(3);
  expect(told.map(({ type }) => type).sort()).toEqual(['brake.activated', 'brake.activated', 'brake.cleared']);
  await hook.newestIs('delivered');
});

test('one delivery is replayed by its id, when it has ended', async () => {
  const hook = await receiver();
  await brake();
  const { id } = await hook.newestIs('delivered');
  expectStatus(await tenant.admin('POST', `/v1/webhooks/deliveries/${id}/replay`), 202);
  const [first, again] = await hook.until(2);
  expect(again).toEqual(first);
  await hook.newestIs('delivered');
  hook.answers(500);
  expectStatus(await tenant.admin('POST', `/v1/webhooks/deliveries/${id}/replay`), 202);
  const twice = await tenant.admin('POST', `/v1/webhooks/deliveries/${id}/replay`);
  expect([twice.status, twice.body]).toMatchObject([409, { code: 'delivery_pending' }]);
});

test('a sealed vault tells of a brake', async () => {
  const hook = await receiver();
  expectStatus(await app.staff('POST', '/v1/vault/seal', { reason: 'end of shift' }), 200);
  try {
    await brake('while sealed');
    expect(await hook.until(1)).toMatchObject([{ type: 'brake.activated' }]);
  } finally {
    expectStatus(await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  }
});

const REFUSED_URLS = {
  'an address': 'https://127.0.0.1/hook',
  'an address in another spelling': 'https://0x7f000001/hook',
  'an IPv6 address': 'https://[::1]/hook',
  metadata: 'https://169.254.169.254/latest/meta-data',
  'user information': 'https://api.upstream.test@evil.example/',
  'another scheme': 'ftp://api.upstream.test/',
  'a placeholder': 'https://api.upstream.test/{{CREDENTIAL}}',
};

test('a URL that could be read in two ways, or names an address, is refused', async () => {
  const { id } = await receiver();
  for (const [what, url] of Object.entries(REFUSED_URLS)) {
    const answers = [
      await tenant.admin('POST', '/v1/webhooks', { url, events: ['*'] }),
      await tenant.admin('PATCH', `/v1/webhooks/${id}`, { url }),
    ];
    for (const { status, body } of answers)
      expect([what, status, body]).toMatchObject([what, 400, { code: 'url_refused' }]);
  }
});

test('a name that resolves to where nobody may dial is not dialled, and no redirect is followed', async () => {
  const hook = await receiver();
  expectStatus(await tenant.admin('PATCH', `/v1/webhooks/${hook.id}`, { url: 'https://localhost/hook' }), 200);
  await brake();
  const refused = await eventually(
    () => hook.deliveries(),
    ([one]) => (one?.attempts ?? 0) >= 1,
  );
  expect(refused[0]?.log[0]).toMatchObject({ status: null, error: 'upstream_address_refused' });
  const here = await receiver(['agent.tier_changed']);
  upstream.on(new URL(here.url).pathname, (_request, response) =>
    response.writeHead(302, { location: `${UPSTREAM_URL}/elsewhere` }).end(),
  );
  await app.newAgent(tenant, 'climber');
  await eventually(
    () => here.deliveries(),
    ([one]) => one?.log[0]?.status === 302,
  );
  expect(upstream.received.filter(({ target }) => target === '/elsewhere')).toEqual([]);
});

test('a deleted webhook is told nothing, and a tenant without one pays for no event', async () => {
  const hook = await receiver();
  expectStatus(await tenant.admin('DELETE', `/v1/webhooks/${hook.id}`), 204);
  await brake();
  const jobs = await app.open.tenants.inTenant(tenant.id, (tx) => tx.client.query('select from outbox'));
  expect(jobs.rowCount).toBe(0);
  expectStatus(await tenant.admin('GET', `/v1/webhooks/${hook.id}`), 404);
});

test('the operator is told of the global brake', async () => {
  const url = `${UPSTREAM_URL}/ops`;
  expectStatus(await app.staff('POST', '/v1/webhooks', { url, events: ['brake.activated'] }), 201);
  const pulled = await app.staff<{ id: string }>('POST', '/v1/brakes', { scope: 'global', reason: 'a drill' });
  expectStatus(pulled, 201);
  const confirm = 'clear the global brake';
  expectStatus(await app.staff('POST', `/v1/brakes/${pulled.body.id}/clear`, { reason: 'over', confirm }), 200);
  const came = () => upstream.received.filter(({ target }) => target === '/ops');
  expect(JSON.parse((await eventually(came, (all) => all.length > 0))[0]?.body ?? '')).toMatchObject({
    data: { details: { brake: pulled.body.id, scope: 'global' } },
  });
});
