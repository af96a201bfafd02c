import {
  type AppTenant,
  execute,
  expectStatus,
  startApp,
  storeCredential,
  type TestApp,
  UPSTREAM_URL,
} from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { asSuperuser } from '../support/database.js';
import { RetireVersions } from '../../src/credentials/retire-versions.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const [OLD, NEW] = ['sk-live-old-0123456789', 'sk-live-new-0123456789'];

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let count = 0;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe', 'GUARDIAN');
});
afterEach(() => void (app.clock.aheadMs = 0));
afterAll(() => app?.close());

/** A credential of a test's own, granted to the agent. */
async function credential(more: Record<string, unknown> = {}): Promise<string> {
  count += 1;
  const name = `key-${count}`;
  await storeCredential(tenant, name, OLD, { grantTo: [agent], more });
  return name;
}

/** What the upstream is given for a use of this version. */
async function sent(name: string, version?: number): Promise<string> {
  const answer = await execute(agent, name, {}, version === undefined ? {} : { version });
  return answer.status === 200 ? String(upstream.received.at(-1)?.headers.authorization) : String(answer.body.code);
}

/** Those of an act and its outcome. By name: the outcomes of uses follow their answers, and may stand between any two. */
const entries = async (action: string) =>
  (await entriesOf(app.open, tenant.id))
    .map(({ entry }) => entry)
    .filter((entry) => [action, `${action}.outcome`].includes(entry.action));

/** How many sealed values of a tenant's credential the database still holds. */
const valuesHeld = (name: string) =>
  asSuperuser(app.database.adminUrl, async (client) => {
    const { rows } = await client.query<{ held: string }>(
      `select count(v.ciphertext) as held from chancery.credential_versions v
       join chancery.credentials c on c.tenant_id = v.tenant_id and c.id = v.credential_id where c.name = $1`,
      [name],
    );
    return Number(rows[0]?.held);
  });

test('rotated without grace the new value is used at once, and the old one is gone for good', async () => {
  const name = await credential();
  expect(await sent(name)).toBe(`Bearer ${OLD}`);
  const rotated = await tenant.admin('POST', `/v1/credentials/${name}/rotate`, { value: NEW });
  expect(rotated).toMatchObject({ status: 200, body: { version: 2, versions: [{ version: 2, state: 'current' }] } });
  expect(await sent(name)).toBe(`Bearer ${NEW}`);
  expect(await sent(name, 2)).toBe(`Bearer ${NEW}`);
  expect(await sent(name, 1)).toBe('credential_not_found');
  expect(await valuesHeld(name)).toBe(1);
});

test('rotated with grace the old version is usable by number until it expires, and then retired', async () => {
  const name = await credential();
  const rotated = await tenant.admin('POST', `/v1/credentials/${name}/rotate`, { value: NEW, grace_seconds: 60 });
  expect(rotated.body).toMatchObject({
    version: 2,
    versions: [
      { version: 1, state: 'grace' },
      { version: 2, state: 'current', expires_at: null },
    ],
  });
  expect(await sent(name)).toBe(`Bearer ${NEW}`);
  expect(await sent(name, 1)).toBe(`Bearer ${OLD}`);
  expect(await sent(name, 3)).toBe('credential_not_found');
  app.clock.aheadMs = 61_000;
  expect(await sent(name, 1)).toBe('credential_not_found');
  expect(await sent(name)).toBe(`Bearer ${NEW}`);
  expect(await valuesHeld(name)).toBe(2);
  await app.app.get(RetireVersions, { strict: false }).execute(tenant.id);
  expect(await valuesHeld(name)).toBe(1);
  expect(await entries('credential.retire')).toMatchObject([{ actor: 'system:sweep', details: { version: 1 } }]);
});

test('a binding edit takes effect on the next call, and leaves its intent and its outcome (P3)', async () => {
  const name = await credential();
  const bound = await tenant.admin('PUT', `/v1/credentials/${name}/binding`, { allowed_domains: ['api.example.com'] });
  expect(bound).toMatchObject({ status: 200, body: { version: 2, allowed_domains: ['api.example.com'] } });
  const found = await entries('credential.bind');
  expect(found).toMatchObject([{ outcome: 'intent' }, { outcome: 'success', details: { intent: found[0]?.seq } }]);
  expect(await sent(name)).toBe('domain_not_allowed');
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${name}/binding`, { allowed_domains: [UPSTREAM_HOST] }), 200);
  expect(await sent(name)).toBe(`Bearer ${OLD}`);
});

test('ports and cleartext are part of the binding', async () => {
  const name = await credential({ ports: [8443], cleartext: true });
  expect((await tenant.admin('GET', `/v1/credentials/${name}`)).body).toMatchObject({
    flags: ['cleartext'],
    ports: [8443],
  });
  expect(await sent(name)).toBe('domain_not_allowed');
  const other = await execute(agent, name, { url: `https://${UPSTREAM_HOST}:8443/` });
  expect(other.status).toBe(200);
});

test('a version in grace keeps the binding it was sealed with', async () => {
  const name = await credential();
  expectStatus(await tenant.admin('POST', `/v1/credentials/${name}/rotate`, { value: NEW, grace_seconds: 60 }), 200);
  expectStatus(
    await tenant.admin('PUT', `/v1/credentials/${name}/binding`, { allowed_domains: ['api.example.com'] }),
    200,
  );
  expect([await sent(name), await sent(name, 1)]).toContain('domain_not_allowed');
});

test('a raised minimum tier is seen by the next call; a lowered one too', async () => {
  const name = await credential();
  expectStatus(await tenant.admin('PATCH', `/v1/credentials/${name}`, { minimum_tier: 'SACRED' }), 200);
  expect(await sent(name)).toBe('tier_too_low');
  expectStatus(await tenant.admin('PATCH', `/v1/credentials/${name}`, { minimum_tier: 'NOVICE' }), 200);
  expect(await sent(name)).toBe(`Bearer ${OLD}`);
});

test.each([
  ['NOVICE', 1],
  ['COMPANION', 5],
])('a %s holds at most %d credentials', async (tier, limit) => {
  const holder = await app.newAgent(tenant, `holder-${tier.toLowerCase()}`, tier);
  const names = await Promise.all(Array.from({ length: limit + 1 }, () => credential({ minimum_tier: 'NOVICE' })));
  const answers = [];
  for (const name of names) answers.push(await tenant.admin('PUT', `/v1/credentials/${name}/grants/${holder.id}`));
  expect(answers.map(({ status }) => status)).toEqual([...Array<number>(limit).fill(200), 409]);
  expect(answers.at(-1)?.body.code).toBe('grant_limit_reached');
  expect((await tenant.admin('GET', `/v1/agents/${holder.id}`)).body).toMatchObject({
    credentials_granted: limit,
    credentials_limit: limit,
  });
  expect((await execute(holder, String(names.at(-1)))).body.code).toBe('credential_not_found');
  // Granting again what is granted is no further one; giving one back makes room.
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${names[0]}/grants/${holder.id}`), 200);
  expectStatus(await tenant.admin('DELETE', `/v1/credentials/${names[0]}/grants/${holder.id}`), 204);
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${names.at(-1)}/grants/${holder.id}`), 200);
});

test('a demotion suspends the newest grants, which then answer tier_too_low; a promotion alone does not bring them back', async () => {
  const holder = await app.newAgent(tenant, 'demoted', 'COMPANION');
  const [first, second] = [await credential({ minimum_tier: 'NOVICE' }), await credential({ minimum_tier: 'NOVICE' })];
  for (const name of [first, second])
    expectStatus(await tenant.admin('PUT', `/v1/credentials/${name}/grants/${holder.id}`), 200);
  expectStatus(await tenant.admin('POST', `/v1/agents/${holder.id}/demote`, { tier: 'NOVICE', reason: 'test' }), 200);
  expect((await execute(holder, first)).status).toBe(200);
  expect((await execute(holder, second)).body.code).toBe('tier_too_low');
  const { body } = await tenant.admin<{ data: object[] }>('GET', `/v1/credentials/${second}/grants`);
  expect(body.data).toContainEqual(expect.objectContaining({ agent_id: holder.id, state: 'suspended' }));
  expectStatus(
    await tenant.human('POST', `/v1/agents/${holder.id}/promote`, { tier: 'COMPANION', reason: 'test' }),
    200,
  );
  expect((await execute(holder, second)).body.code).toBe('tier_too_low');
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${second}/grants/${holder.id}`), 200);
  expect((await execute(holder, second)).status).toBe(200);
});

test('a deleted credential is unknown at once, its values are gone, and its name is free', async () => {
  const name = await credential();
  expectStatus(
    await tenant.admin('POST', '/v1/credentials', { name, value: NEW, allowed_domains: [UPSTREAM_HOST] }),
    409,
  );
  expectStatus(await tenant.admin('DELETE', `/v1/credentials/${name}`), 204);
  expect(await sent(name)).toBe('credential_not_found');
  expect(await valuesHeld(name)).toBe(0);
  expectStatus(await tenant.admin('DELETE', `/v1/credentials/${name}`), 404);
  await storeCredential(tenant, name, NEW);
  // The old grant does not come back with the name.
  expect(await sent(name)).toBe('credential_not_found');
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${name}/grants/${agent.id}`), 200);
  expect(await sent(name)).toBe(`Bearer ${NEW}`);
});

test('a value never comes back, by any route, nor does it stand in the log or the chain (P1)', async () => {
  const name = await credential();
  expectStatus(await tenant.admin('POST', `/v1/credentials/${name}/rotate`, { value: NEW, grace_seconds: 60 }), 200);
  const told = [];
  for (const path of [
    '/v1/credentials',
    `/v1/credentials/${name}`,
    `/v1/credentials/${name}/grants`,
    '/v1/audit/entries?limit=200',
  ])
    told.push((await tenant.admin('GET', path)).body);
  const refused = await tenant.admin('POST', '/v1/credentials', { name: 'UPPER', value: NEW, allowed_domains: [OLD] });
  expectStatus(refused, 400);
  const text = JSON.stringify([told, refused.body, app.logged, await entriesOf(app.open, tenant.id)]);
  for (const value of [OLD, NEW]) expect(text).not.toContain(value);
});

test('P6: a new encryption key moves every version under it, and all go on working', async () => {
  const name = await credential();
  expectStatus(await tenant.admin('POST', `/v1/credentials/${name}/rotate`, { value: NEW, grace_seconds: 60 }), 200);
  const moved = await tenant.admin<{ version: number; rewrapped: number }>('POST', '/v1/encryption-key/rotate');
  expect(moved.status).toBe(200);
  expect(moved.body.rewrapped).toBeGreaterThanOrEqual(2);
  expect([await sent(name), await sent(name, 1)]).toEqual([`Bearer ${NEW}`, `Bearer ${OLD}`]);
});

test('P6: a ciphertext put in another row does not decrypt, and what happened is in the chain', async () => {
  const [one, other] = [await credential(), await credential()];
  await asSuperuser(app.database.adminUrl, async (client) => {
    // Whoever can do this can also keep the triggers still.
    await client.query('set session_replication_role = replica');
    await client.query(
      `update chancery.credential_versions v set ciphertext = o.ciphertext, wrapped_dek = o.wrapped_dek
       from chancery.credential_versions o, chancery.credentials c, chancery.credentials d
       where c.name = $1 and v.credential_id = c.id and d.name = $2 and o.credential_id = d.id`,
      [one, other],
    );
  });
  const calls = upstream.received.length;
  const answer = await execute(agent, one);
  expect([answer.status, answer.body.code]).toEqual([500, 'internal_error']);
  expect(upstream.received).toHaveLength(calls);
  const failed = await eventually(
    async () => (await entries('credential.use')).filter(({ outcome }) => outcome === 'failure'),
    (found) => found.length > 0,
  );
  expect(failed).toMatchObject([{ details: { code: 'internal_error' } }]);
  expect(await sent(other)).toBe(`Bearer ${OLD}`);
});

describe('ATTACKS 13: in production', () => {
  let production: TestApp;
  let owner: AppTenant;
  beforeAll(async () => {
    production = await startApp();
    owner = await production.newTenant();
    // Everything else about a production configuration is for the configuration’s own specs.
    const { CONFIG } = await import('../../src/config/config.token.js');
    Object.assign(production.app.get(CONFIG, { strict: false }), { environment: 'production' });
  });
  afterAll(() => production?.close());

  test.each([
    ['without domains', {}, 'domains_required'],
    ['with cleartext', { allowed_domains: ['a.example'], cleartext: true }, 'cleartext_refused'],
  ])('a credential %s is refused', async (_, more, code) => {
    const answer = await owner.admin('POST', '/v1/credentials', { name: 'key', value: OLD, ...more });
    expect([answer.status, answer.body.code]).toEqual([400, code]);
    await storeCredential(owner, `bound-${code.replace('_', '-')}`, OLD);
    const bound = await owner.admin('PUT', `/v1/credentials/bound-${code.replace('_', '-')}/binding`, {
      allowed_domains: [],
      ...more,
    });
    expect([bound.status, bound.body.code]).toEqual([400, code]);
  });

  test('http is no URL at all', async () => {
    const scribe = await production.newAgent(owner, 'scribe');
    await storeCredential(owner, 'web', OLD, { grantTo: [scribe] });
    const answer = await execute(scribe, 'web', { url: UPSTREAM_URL.replace('https', 'http') });
    expect([answer.status, answer.body.code]).toEqual([400, 'url_refused']);
  });
});
