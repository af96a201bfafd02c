import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { PENDING_MS } from '../../src/credentials/approvals/approval.js';
import { ExpireApprovals } from '../../src/credentials/approvals/expire-approvals.js';
import { Clock } from '../../src/platform/clock.js';
import { tenantRole } from '../../src/platform/database/roles.js';
import { TenantDatabase } from '../../src/platform/database/tenant-database.js';
import type { TenantTx } from '../../src/platform/database/tenant-tx.js';
import { loadUsePolicy } from '../../src/proxy/use-policy.js';
import { asSuperuser } from '../support/database.js';
import {
  type AppTenant,
  execute,
  expectStatus,
  MASTER_PASSWORD,
  startApp,
  storeCredential,
  type TestApp,
} from '../support/app.js';
import { DpopAgent } from '../support/dpop-agent.js';
import { callerOn, signedIn } from '../support/identity.js';
import { judgeNobody } from '../support/judge-nobody.js';
import { policyWriters } from '../support/policy-writers.js';
import { aroundStatements, locksHead } from '../support/statements.js';
import { asTenant } from '../support/tenants.js';

jest.setTimeout(120_000);

let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  // Whatever a job or a look at an agent's behaviour reads would be taken for a decision's.
  app = await startApp({ env: { CHANCERY_JOBS: 'off' } });
  judgeNobody(app.app);
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'reader');
  await storeCredential(tenant, 'read', 'sk-live-0123456789abcdef', { grantTo: [agent] });
});
afterAll(() => app?.close());

interface Sent {
  readonly text: string;
  readonly values: unknown[];
}

/** Everything a tenant's connections are asked while `work` runs. */
async function sentDuring(tenantId: string, work: () => Promise<unknown>): Promise<Sent[]> {
  const sent: Sent[] = [];
  // oxlint-disable-next-line typescript/unbound-method -- applied to the client it was called on
  const query = Client.prototype.query as (...args: unknown[]) => unknown;
  const watched = jest.spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...args: unknown[]) {
    const [first, second] = args as [string | Partial<Sent>, unknown[] | undefined];
    const text = typeof first === 'string' ? first : (first.text ?? '');
    const values = (typeof first === 'string' ? second : (first.values ?? second)) ?? [];
    if (this.user === tenantRole(tenantId)) sent.push({ text, values });
    return query.apply(this, args) as never;
  });
  try {
    await work();
  } finally {
    watched.mockRestore();
  }
  return sent;
}

/** The tables that PostgreSQL would read to answer a statement. */
async function tablesRead(tenantId: string, sent: readonly Sent[]): Promise<Set<string>> {
  const read = new Set<string>();
  const look = (plan: unknown): void => {
    if (typeof plan !== 'object' || plan === null) return;
    const name = (plan as Record<string, unknown>)['Relation Name'];
    if (typeof name === 'string') read.add(name);
    Object.values(plan).forEach(look);
  };
  await asTenant(app.database, tenantId, async (client) => {
    for (const { text, values } of sent) {
      if (!/^\s*(select|with|insert|update|delete)/i.test(text)) continue;
      await client.query('begin');
      const { rows } = await client.query({
        text: `explain (format json) ${text}`,
        values,
        types: { getTypeParser: () => String },
      });
      await client.query('rollback');
      look((rows as Record<string, string>[]).map((row) => JSON.parse(row['QUERY PLAN'] ?? 'null') as unknown));
    }
  });
  return read;
}

/** The tables whose every change raises the epoch, as the catalogue has it. */
function tablesThatRaise(): Promise<string[]> {
  const raisesFor = (...operations: string[]) =>
    operations.map((operation) => `pg_get_triggerdef(g.oid) ~ '${operation}'`).join(' and ');
  return asSuperuser(app.database.adminUrl, async (admin) => {
    const { rows } = await admin.query<{ name: string }>(
      `select c.relname as name from pg_trigger g join pg_class c on c.oid = g.tgrelid
       where g.tgfoid = 'chancery.raise_epoch()'::regprocedure and g.tgenabled = 'O' and g.tgqual is null
       and ${raisesFor('UPDATE', 'DELETE', 'FOR EACH STATEMENT')} and (c.relname = 'agent_sessions' or ${raisesFor('INSERT')}) order by 1`,
    );
    return rows.map(({ name }) => name);
  });
}

/** A chain's own tables: an append moves the head, which is the compare-and-swap itself. */
const CHAIN = ['audit_entries', 'chain_head'];

test('P4: each table that a policy is loaded from raises the epoch when it is written, and no other does', async () => {
  const sent = await sentDuring(tenant.id, () => app.open.tenants.inTenant(tenant.id, loadUsePolicy));
  const read = await tablesRead(tenant.id, sent);
  expect(read.size).toBeGreaterThanOrEqual(6);
  // Which approvals were spent is read from the chain, by the head of which it is true.
  expect([...read].filter((table) => !CHAIN.includes(table)).sort()).toEqual(await tablesThatRaise());
});

test('P4: a use that finds nothing in memory reads those tables and the chain’s own', async () => {
  await app.restart();
  judgeNobody(app.app);
  expectStatus(await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  agent = new DpopAgent(app.at.tenant, agent.id, agent.apiKey);
  expectStatus(await agent.token(), 200);
  const sent = await sentDuring(tenant.id, async () => expectStatus(await execute(agent, 'read'), 200));
  const read = await tablesRead(tenant.id, sent);
  const raising = await tablesThatRaise();
  expect(CHAIN.filter((table) => !read.has(table))).toEqual([]);
  expect([...read].filter((table) => !raising.includes(table) && !CHAIN.includes(table))).toEqual([]);
});

test('P4: both would notice a table without the rule', async () => {
  const careless = (tx: TenantTx) =>
    loadUsePolicy(tx).then(() => tx.client.query('select from members where tenant_id = $1', [tx.tenantId]));
  const sent = await sentDuring(tenant.id, () => app.open.tenants.inTenant(tenant.id, careless));
  expect([...(await tablesRead(tenant.id, sent))]).toContain('members');
  expect(await tablesThatRaise()).not.toContain('members');
  await asSuperuser(app.database.adminUrl, async (admin) => {
    await admin.query('alter table chancery.grants disable trigger raise_epoch');
    expect(await tablesThatRaise()).not.toContain('grants');
    await admin.query('alter table chancery.grants enable trigger raise_epoch');
  });
});

const WRITES = new RegExp(
  `\\b(?:insert into|update|delete_)\\s*"?(?:chancery"?\\."?)?(${Object.keys(policyWriters()).join('|')})\\b`,
  'i',
);

test('P4: whatever writes such a table has locked the head before and leaves an entry', async () => {
  const committed: { readonly wrote: string[]; readonly inOrder: boolean }[] = [];
  aroundStatements(app.app, async ({ what, transaction }, run) => {
    if (what !== 'commit') return run();
    const first = transaction.findIndex((sent) => WRITES.test(sent));
    if (first >= 0) {
      const locked = transaction.findIndex(locksHead);
      const inOrder = locked >= 0 && locked < first && transaction.includes('audit-append');
      committed.push({ wrote: transaction.flatMap((sent) => WRITES.exec(sent)?.[1] ?? []), inOrder });
    }
    return run();
  });
  await everyAct();
  expect(committed.filter(({ inOrder }) => !inOrder)).toEqual([]);
  expect([...new Set(committed.flatMap(({ wrote }) => wrote))].sort()).toEqual(Object.keys(policyWriters()).sort());
  // A write past the chain would be noticed.
  const naive = (tx: TenantTx) =>
    tx.client.query('update agents set updated_at = now() where tenant_id = $1', [tx.tenantId]);
  await app.app.get(TenantDatabase, { strict: false }).inTenant(tenant.id, naive);
  expect(committed.at(-1)).toEqual({ wrote: ['agents'], inOrder: false });
});

/** Every act of the API that a decision could notice. */
async function everyAct(): Promise<void> {
  const admin = callerOn(app.at.tenant, tenant.key);
  const human = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'owner'));
  const reason = 'test';
  const done = async (answer: Promise<{ status: number; body: unknown }>): Promise<{ id: string }> => {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body as { id: string };
  };
  const other = await app.newAgent({ ...tenant, admin, human }, 'other', 'SACRED').catch(() => null);
  expect(other).toBeNull(); // its first token waits for a person
  const { body } = await admin<{ data: { id: string; name: string }[] }>('GET', '/v1/agents');
  const id = body.data.find(({ name }) => name === 'other')?.id ?? '';
  const sessions = await admin<{ data: { id: string }[] }>('GET', `/v1/agents/${id}/sessions`);
  await done(human('POST', `/v1/sessions/${sessions.body.data[0]?.id}/approve`, {}));
  const asked = await agent.call('POST', '/v1/access-requests', {}, { credential_name: 'acted', reason });
  await done(admin('POST', `/v1/approvals/${String(asked.body.id)}/refuse`, { reason }));
  await done(agent.call('POST', '/v1/access-requests', {}, { credential_name: 'late', reason }));
  const later = jest
    .spyOn(app.app.get(Clock, { strict: false }), 'now')
    .mockReturnValue(Date.now() + PENDING_MS + 1_000);
  expect(await app.app.get(ExpireApprovals, { strict: false }).execute(tenant.id)).toBe(1);
  later.mockRestore();
  await done(admin('POST', `/v1/sessions/${sessions.body.data[0]?.id}/revoke`, { reason }));
  await done(
    admin('POST', '/v1/credentials', {
      name: 'acted',
      value: 'sk-live-0123456789abcdef',
      allowed_domains: ['a.example'],
    }),
  );
  await done(admin('PUT', `/v1/credentials/acted/grants/${id}`));
  await done(admin('POST', `/v1/agents/${id}/demote`, { tier: 'NOVICE', reason }));
  await done(admin('POST', '/v1/credentials/acted/rotate', { value: 'sk-live-fedcba9876543210', grace_seconds: 60 }));
  await done(admin('PUT', '/v1/credentials/acted/binding', { allowed_domains: ['b.example'] }));
  await done(admin('PATCH', '/v1/credentials/acted', { minimum_tier: 'NOVICE' }));
  await done(human('POST', '/v1/encryption-key/rotate'));
  await done(admin('DELETE', `/v1/credentials/acted/grants/${id}`));
  await done(admin('DELETE', '/v1/credentials/acted'));
  const brake = await done(admin('POST', '/v1/brakes', { scope: 'agent', agent_id: id, reason }));
  await done(human('POST', `/v1/brakes/${brake.id}/clear`, { reason }));
  await done(admin('POST', `/v1/agents/${id}/suspend`, { reason }));
  await done(human('POST', `/v1/agents/${id}/reinstate`, { reason }));
  await done(admin('POST', `/v1/agents/${id}/api-key`, {}));
  await done(admin('POST', `/v1/agents/${id}/revoke`, { reason }));
}

test('docs/reference.md lists every statement that writes such a table', () => {
  const text = readFileSync(path.resolve(__dirname, '../../docs/reference.md'), 'utf8');
  const section = text.slice(text.indexOf('## What a decision reads'));
  const listed = [...section.slice(0, section.indexOf('\n## ', 1)).matchAll(/^\| `(\w+)` +\| (.+?) +\|$/gm)].map(
    ([, table, writers]) => [table, (writers ?? '').split('<br>').map((writer) => writer.trim().replaceAll('`', ''))],
  );
  expect(Object.fromEntries(listed)).toEqual(policyWriters());
});
