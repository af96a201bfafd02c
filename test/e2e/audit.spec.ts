import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExportVerifier } from '@chancery/protocol/audit-export-verify.js';
import { SignCheckpoints } from '../../src/audit/sign-checkpoints.js';
import { TenantDatabase } from '../../src/platform/database/tenant-database.js';
import { PLATFORM_TENANT_ID, publicId } from '../../src/platform/ids.js';
import { type AppTenant, startApp, type TestApp } from '../support/app.js';
import { asSuperuser } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { callerOn, signedIn } from '../support/identity.js';

jest.setTimeout(60_000);

type Page = {
  data: { seq: number; tenant: string; action: string; hash: string; prev: string }[];
  next_cursor: string | null;
};

let app: TestApp;
let tenant: AppTenant;
beforeAll(async () => {
  // Every checkpoint here is one that a test asked for.
  app = await startApp({ env: { CHANCERY_JOBS: 'off' } });
  tenant = await app.newTenant();
  for (let i = 0; i < 7; i += 1) await tenant.admin('POST', '/v1/agents', { name: `agent-${i}` });
});
afterAll(() => app?.close());

async function allPages(query: string): Promise<number[]> {
  const seqs: number[] = [];
  for (let cursor = ''; ;) {
    const { status, body } = await tenant.admin<Page>('GET', `/v1/audit/entries?${query}${cursor}`);
    expect(status).toBe(200);
    seqs.push(...body.data.map(({ seq }) => seq));
    if (body.next_cursor === null) return seqs;
    cursor = `&cursor=${body.next_cursor}`;
  }
}

test('a tenant pages through its own entries in both directions, and through nobody else’s', async () => {
  const up = await allPages('limit=3&order=asc');
  expect(up).toEqual(up.map((_, i) => i + 1));
  expect(up.length).toBeGreaterThanOrEqual(8);
  expect(await allPages('limit=3&order=desc')).toEqual([...up].reverse());
  const { body } = await tenant.admin<Page>('GET', '/v1/audit/entries?limit=200&order=asc');
  expect(new Set(body.data.map((entry) => entry.tenant))).toEqual(new Set([publicId('ten', tenant.id)]));
  expect(body.data.slice(1).map(({ prev }) => prev)).toEqual(body.data.slice(0, -1).map(({ hash }) => hash));
});

test('P19: a cursor of another tenant, another order or another list is no cursor', async () => {
  const { body } = await tenant.admin<Page>('GET', '/v1/audit/entries?limit=2&order=asc');
  const other = await app.newTenant();
  const cursor = body.next_cursor ?? '';
  for (const answer of [
    await other.admin('GET', `/v1/audit/entries?order=asc&cursor=${cursor}`),
    await tenant.admin('GET', `/v1/audit/entries?order=desc&cursor=${cursor}`),
    await tenant.admin('GET', `/v1/audit/entries?order=asc&cursor=${cursor.slice(0, -1)}`),
    await tenant.admin('GET', '/v1/audit/entries?order=sideways'),
    await tenant.admin('GET', '/v1/audit/entries?limit=0'),
    await tenant.admin('GET', '/v1/audit/entries?limit=201'),
    await tenant.admin('GET', '/v1/audit/entries?surprise=1'),
  ]) {
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
  }
});

test('the operator reads the platform’s chain on the ops surface, and no tenant’s', async () => {
  const { status, body } = await app.staff<Page>('GET', '/v1/audit/entries?order=asc');
  expect(status).toBe(200);
  expect(new Set(body.data.map((entry) => entry.tenant))).toEqual(new Set([publicId('ten', PLATFORM_TENANT_ID)]));
  expect(body.data.map((entry) => entry.action)).toContain('tenant.create');
  const foreign = await callerOn(app.at.ops, tenant.key)('GET', '/v1/audit/entries');
  expect(foreign.status).toBe(401);
});

test('auditors read, agents do not', async () => {
  const auditor = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'auditor'));
  expect((await auditor('GET', '/v1/audit/verification')).body).toMatchObject({ verdict: 'ok' });
  const agent = await app.newAgent(tenant, 'curious');
  expect((await agent.call('GET', '/v1/audit/entries')).status).toBe(403);
});

test('P16: the export verifies offline, with the checkpoint that was signed', async () => {
  await app.app.get(SignCheckpoints).execute();
  const answer = await fetch(`${app.at.tenant}/v1/audit/export`, {
    headers: { authorization: `Bearer ${tenant.key}` },
  });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
  const verifier = new ExportVerifier({ tenant: publicId('ten', tenant.id) });
  for (const line of (await answer.text()).split('\n').slice(0, -1)) verifier.line(line);
  const found = verifier.finish();
  expect(found).toMatchObject({ verdict: 'ok', checkpoints: { checked: 1 } });
  const live = await tenant.admin('GET', '/v1/audit/verification');
  expect(live.body).toMatchObject({ verdict: 'ok', head: found.head, checkpoints: found.checkpoints });
});

test('P16: what SQL did to a row is named by the verification', async () => {
  const victim = await app.newTenant();
  await victim.admin('POST', '/v1/agents', { name: 'a' });
  await asSuperuser(app.database.adminUrl, (admin) =>
    admin.query("update chancery.audit_entries set actor = 'nobody' where tenant_id = $1 and seq = 2", [victim.id]),
  );
  const { status, body } = await victim.admin('GET', '/v1/audit/verification');
  expect([status, body]).toEqual([200, expect.objectContaining({ verdict: 'tampered', first_bad_seq: 2 })]);
});

test('P20: an export that nobody reads, or whose reader goes away, costs no connection and no memory', async () => {
  const big = await app.newTenant();
  await asSuperuser(app.database.adminUrl, async (admin) => {
    await admin.query(
      `insert into chancery.audit_entries select $1, n, now(), 'a', 'b', 'c', jsonb_build_object('x', repeat('y', 2000)),
       '\\x00', '\\x00', '\\x00' from generate_series(100, 20000) n`,
      [big.id],
    );
    await admin.query('update chancery.chain_head set seq = 20000 where tenant_id = $1', [big.id]);
  });
  const { hostname, port } = new URL(app.at.tenant);
  const transactions = jest.spyOn(app.app.get(TenantDatabase, { strict: false }), 'inTenant');
  const pagesRead = (): number => transactions.mock.calls.filter(([id]) => id === big.id).length;
  const socket = connect(Number(port), hostname);
  socket.write(
    `GET /v1/audit/export HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${big.key}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('readable', resolve)); // and then nothing more is read
  let before = -1;
  await eventually(
    async () => {
      before = pagesRead();
      await sleep(300);
      return pagesRead();
    },
    (after) => after === before && after > 3,
  );
  expect(before).toBeLessThan(30); // of more than forty
  // Others begin and end transactions meanwhile; one that the export held would be there at each look.
  await eventually(
    () =>
      asSuperuser(app.database.adminUrl, async (admin) => {
        const idle = "select from pg_stat_activity where datname = current_database() and state like 'idle in%'";
        return (await admin.query(idle)).rowCount;
      }),
    (held) => held === 0,
  );
  socket.destroy();
  await sleep(300);
  expect(pagesRead()).toBeLessThan(30);
  transactions.mockRestore();
});
