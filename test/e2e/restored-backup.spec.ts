import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AppTenant, execute, newAgent, storeCredential } from '../support/app.js';
import { CrashSite } from '../support/crash/crash-site.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { publicId } from '../../src/platform/ids.js';

jest.setTimeout(600_000);

let site: CrashSite;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  site = await CrashSite.create();
  tenant = await site.newTenant();
  agent = await newAgent(site, tenant, 'scribe');
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: [agent] });
});
afterAll(() => site?.close());

const globalBrakes = async () =>
  (await site.staff<{ data: Record<string, unknown>[] }>('GET', '/v1/brakes?active=true')).body.data;

/** Until everything that was done is signed in the checkpoint file. */
async function signed(): Promise<void> {
  const { body } = await tenant.admin<{ head: { seq: number } }>('GET', '/v1/audit/verification');
  const id = publicId('ten', tenant.id);
  await eventually(
    () =>
      readFileSync(site.checkpointFile, 'utf8')
        .split('\n')
        .slice(0, -1) // behind the last end of a line stands what is being written
        .filter((line) => line.includes(id)),
    (lines) => (JSON.parse(lines.at(-1) ?? '{"seq":0}') as { seq: number }).seq >= body.head.seq,
  );
}

async function restart(whileDown: () => unknown): Promise<void> {
  await site.app.stop();
  await site.cluster.stop();
  whileDown();
  await site.cluster.startAgain();
  await site.startApp();
}

async function expectBraked(reason: RegExp): Promise<void> {
  await site.signInStaff();
  expect((await site.staff('GET', '/v1/vault')).body).toEqual({ state: 'sealed' });
  const brakes = await globalBrakes();
  expect(brakes).toMatchObject([{ scope: 'global', activated_by: 'system:startup' }]);
  expect(brakes[0]?.reason).toMatch(reason);
  expect(site.app.lines).toContainEqual(
    expect.objectContaining({ level: 'error', msg: expect.stringContaining('the global brake goes on') }),
  );
  await site.unseal();
  const denied = await execute(agent, 'key');
  expect([denied.status, denied.body.code]).toEqual([403, 'brake_active']);
  const clear = `/v1/brakes/${String(brakes[0]?.id)}/clear`;
  expect((await site.staff('POST', clear, { reason: 'looked into it' })).body).toMatchObject({
    code: 'confirmation_required',
  });
  const confirmed = { reason: 'looked into it', confirm: 'clear the global brake' };
  expect((await site.staff('POST', clear, confirmed)).status).toBe(200);
  expect((await execute(agent, 'key')).status).toBe(200);
}

test('P4: a restored older backup comes up sealed and globally braked, until a person has looked into it', async () => {
  const backup = `${site.cluster.dataDir}.backup`;
  await site.startWorker();
  await restart(() => execFileSync('cp', ['-a', site.cluster.dataDir, backup]));
  expect(await globalBrakes()).toEqual([]);
  await site.unseal();
  for (let use = 0; use < 10; use++) expect((await execute(agent, 'key')).status).toBe(200);
  expect((await tenant.admin('POST', '/v1/brakes', { scope: 'tenant', reason: 'on when it was lost' })).status).toBe(
    201,
  );
  await signed();
  await site.worker.stop();
  await restart(() => {
    rmSync(site.cluster.dataDir, { recursive: true });
    execFileSync('mv', [backup, site.cluster.dataDir]);
  });
  expect((await tenant.admin('GET', '/v1/brakes?active=true')).body).toMatchObject({ data: [] });
  await expectBraked(new RegExp(`${publicId('ten', tenant.id)} ends at \\d+, signed \\d+`));
  // What was signed before goes on accusing.
  expect((await tenant.admin('GET', '/v1/audit/verification')).body).toMatchObject({ verdict: 'checkpoint' });
  await restart(() => undefined);
  expect(await globalBrakes()).toEqual([]);
});

test('P4: another database, or another timeline, comes up globally braked too; jobs do not start before', async () => {
  const file = `${site.checkpointFile}.database`;
  const known = JSON.parse(readFileSync(file, 'utf8')) as { system: string; timeline: number };
  await site.app.stop();
  writeFileSync(file, JSON.stringify({ ...known, timeline: known.timeline + 1 }));
  await expect(site.startWorker()).rejects.toThrow('the database was restored');
  await site.startApp();
  await expectBraked(new RegExp(`the database is ${known.system}/1, and was ${known.system}/2`));
  await site.startWorker();
});

test('P4: put back under a running server it is braked as well, also when nothing was signed since', async () => {
  await site.worker.stop();
  const backup = `${site.cluster.dataDir}.backup`;
  const answered200 = async () => (await execute(agent, 'key')).status === 200;
  await site.cluster.stop();
  execFileSync('cp', ['-a', site.cluster.dataDir, backup]);
  await site.cluster.startAgain();
  // A database that was only started again is looked into, and everything goes on.
  await eventually(answered200, (yes) => yes);
  expect(await globalBrakes()).toEqual([]);
  const pulled = await tenant.admin('POST', '/v1/brakes', { scope: 'tenant', reason: 'on when it was lost' });
  expect(pulled.status).toBe(201);
  await eventually(
    async () => (await execute(agent, 'key')).body.code,
    (code) => code === 'brake_active',
  );

  await site.cluster.stop();
  rmSync(site.cluster.dataDir, { recursive: true });
  execFileSync('mv', [backup, site.cluster.dataDir]);
  await site.cluster.startAgain();
  const codes: unknown[] = [];
  await eventually(
    async () => {
      const { status, body } = await execute(agent, 'key');
      codes.push(status === 200 ? 200 : body.code);
      return body.code;
    },
    (code) => code === 'brake_active',
  );
  expect(codes).not.toContain(200);
  await site.signInStaff();
  const [brake] = await globalBrakes();
  expect(brake).toMatchObject({ scope: 'global', activated_by: 'system:database-restart' });
  expect(brake?.reason).toMatch(new RegExp(`${publicId('ten', tenant.id)} ends at \\d+, seen at \\d+`));
  const confirmed = { reason: 'looked into it', confirm: 'clear the global brake' };
  expect((await site.staff('POST', `/v1/brakes/${String(brake?.id)}/clear`, confirmed)).status).toBe(200);
  await eventually(answered200, (yes) => yes);
  expect(site.app.isRunning).toBe(true);
});
