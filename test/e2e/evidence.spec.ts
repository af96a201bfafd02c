import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Sandbox } from '../../packages/client/test/run-cli.js';
import { SignCheckpoints } from '../../src/audit/sign-checkpoints.js';
import { OVERDUE_AFTER_MS, SweepIntents } from '../../src/audit/sweep-intents.js';
import { publicId } from '../../src/platform/ids.js';
import { CallUpstream } from '../../src/proxy/call-upstream.js';
import { type AppTenant, execute, expectStatus, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';

jest.setTimeout(60_000);

const dir = mkdtempSync(path.join(tmpdir(), 'chancery-evidence-'));
const sandbox = new Sandbox();
let app: TestApp;
beforeAll(async () => void (app = await startApp()));
afterEach(() => void (app.clock.aheadMs = 0));
afterAll(async () => {
  await app?.close();
  rmSync(dir, { recursive: true, force: true });
  rmSync(sandbox.dir, { recursive: true, force: true });
});

async function withUse(): Promise<{ tenant: AppTenant; agent: DpopAgent }> {
  const tenant = await app.newTenant();
  const agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: [agent] });
  expectStatus(await execute(agent, 'key'), 200);
  await eventually(
    () => entriesOf(app.open, tenant.id),
    (entries) => entries.at(-1)?.entry.outcome === 'success',
  );
  return { tenant, agent };
}

const outcomes = async (tenant: AppTenant) =>
  (await entriesOf(app.open, tenant.id))
    .map(({ entry }) => entry)
    .filter(({ action }) => action === 'credential.use.outcome');

test('P3: an intent whose process died reads unknown a minute past its deadline, and not before', async () => {
  const { tenant, agent } = await withUse();
  // From here on what happens to the call is lost with its process: no outcome is ever submitted.
  const upstream = jest
    .spyOn(app.app.get(CallUpstream, { strict: false }), 'execute')
    .mockRejectedValue(new Error('died'));
  expectStatus(await execute(agent, 'key', {}, { timeout_ms: 1_000 }), 500);
  upstream.mockRestore();
  const intent = (await entriesOf(app.open, tenant.id)).at(-1)?.entry;
  expect(intent).toMatchObject({ outcome: 'intent', details: { deadline: expect.any(String) } });
  const overdueAtMs = Date.parse(intent?.details.deadline as string) + OVERDUE_AFTER_MS;
  const sweep = app.app.get(SweepIntents, { strict: false });
  // However slow the machine is, the first sweep comes before that moment and the second one behind it.
  app.clock.aheadMs = overdueAtMs - 30_000 - Date.now();
  await sweep.execute();
  expect(await outcomes(tenant)).toHaveLength(1);
  app.clock.aheadMs = overdueAtMs + 1 - Date.now();
  await sweep.execute();
  await sweep.execute();
  expect(await outcomes(tenant)).toMatchObject([
    { outcome: 'success' },
    { outcome: 'unknown', actor: 'system:sweep', details: { intent: intent?.seq } },
  ]);
  expect((await tenant.admin('GET', '/v1/audit/verification')).body).toMatchObject({ verdict: 'ok' });
});

const ENTRIES = 'chancery.audit_entries';
const HEAD = 'chancery.chain_head';
const DAMAGE: readonly {
  readonly what: string;
  readonly sql: readonly string[];
  readonly verdict: string;
  readonly exit: number;
}[] = [
  { what: 'nothing was done', sql: [], verdict: 'ok', exit: 0 },
  {
    what: 'a row was altered',
    sql: [`update ${ENTRIES} set details = details || '{"name":"other"}' where tenant_id = $1 and seq = 3`],
    verdict: 'tampered',
    exit: 2,
  },
  {
    what: 'a row was taken out of the middle',
    sql: [`delete from ${ENTRIES} where tenant_id = $1 and seq = 3`],
    verdict: 'gap',
    exit: 3,
  },
  {
    what: 'the tail was cut, head and all',
    sql: [
      `delete from ${ENTRIES} where tenant_id = $1 and seq > 3`,
      `update ${HEAD} set seq = 3, hash = (select hash from ${ENTRIES} where tenant_id = $1 and seq = 3) where tenant_id = $1`,
    ],
    verdict: 'checkpoint',
    exit: 4,
  },
];

test.each(DAMAGE)(
  'P16: when $what, the server, the CLI and an exported file say $verdict',
  async ({ sql, verdict, exit }) => {
    const { tenant } = await withUse();
    await app.app.get(SignCheckpoints, { strict: false }).execute();
    await asSuperuser(app.database.adminUrl, async (admin) => {
      for (const statement of sql) await admin.query(statement, [tenant.id]);
    });
    // The first look leaves an entry that says so; from then on nothing changes any more.
    await tenant.admin('GET', '/v1/audit/verification');
    const live = await tenant.admin('GET', '/v1/audit/verification');
    expect([live.status, live.body.verdict]).toEqual([200, verdict]);
    expect(live.body.first_bad_seq === null).toBe(verdict === 'ok');

    const env = { CHANCERY_URL: app.at.tenant, CHANCERY_KEY: tenant.key };
    const asked = await sandbox.run(['audit', 'verify', '--json'], { env });
    expect([asked.code, asked.json().verdict]).toEqual([exit, verdict]);

    const file = path.join(dir, `${verdict}.ndjson`);
    const answer = await fetch(`${app.at.tenant}/v1/audit/export`, {
      headers: { authorization: `Bearer ${tenant.key}` },
    });
    writeFileSync(file, await answer.text());
    const offline = await sandbox.run(['audit', 'verify', file, '--json']);
    expect([offline.code, offline.json().verdict]).toEqual([exit, verdict]);
    expect(offline.json()).toMatchObject({
      tenant: publicId('ten', tenant.id),
      first_bad_seq: live.body.first_bad_seq,
    });
    // Pinned to the keys that signed it, which the file names itself.
    const pins = (offline.json().keys as string[]).flatMap((key) => ['--key', key]);
    expect((await sandbox.run(['audit', 'verify', file, ...pins])).code).toBe(exit);
  },
);

test('P16: a file that was altered, cut or signed by somebody else after its export is found out offline', async () => {
  const { tenant } = await withUse();
  await app.app.get(SignCheckpoints, { strict: false }).execute();
  const answer = await fetch(`${app.at.tenant}/v1/audit/export`, {
    headers: { authorization: `Bearer ${tenant.key}` },
  });
  const lines = (await answer.text()).split('\n').slice(0, -1);
  const verify = async (name: string, altered: readonly string[]) => {
    const file = path.join(dir, name);
    writeFileSync(file, altered.map((line) => `${line}\n`).join(''));
    return (await sandbox.run(['audit', 'verify', file, '--json'])).code;
  };
  expect(await verify('whole', lines)).toBe(0);
  expect(
    await verify(
      'altered',
      lines.map((line, at) => (at === 2 ? line.replace('"success"', '"failure"') : line)),
    ),
  ).toBe(2);
  expect(await verify('cut', lines.slice(0, -1))).toBe(3);
  expect(
    await verify(
      'unsigned',
      lines.map((line) => (line.includes('"kind":"checkpoint"') ? line.replace(/— chancery/, '— somebody') : line)),
    ),
  ).toBe(4);
});
