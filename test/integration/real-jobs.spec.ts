import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AdministrativeActs } from '../../src/audit/administrative-acts.js';
import { SystemClock } from '../../src/platform/clock.js';
import { publicId } from '../../src/platform/ids.js';
import { type AppTenant, execute, newAgent, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { MortalRedis, REDIS_SERVER } from '../support/mortal-redis.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(180_000);

/** The watchdog looks every second here; a machine under load needs more. */
const WITHIN_MS = 60_000;

describe('on PostgreSQL', () => {
  keepsItsEvidence(() => Promise.resolve(null), false);
});
(REDIS_SERVER ? describe : describe.skip)('on Redis', () => {
  keepsItsEvidence(() => MortalRedis.start(), true);
});

function keepsItsEvidence(open: () => Promise<MortalRedis | null>, onRedis: boolean): void {
  const upstream = new ScriptedUpstream();
  let redis: MortalRedis | null = null;
  let app: TestApp;
  let tenant: AppTenant;
  let agent: DpopAgent;
  const checkpoints = path.join(mkdtempSync(path.join(tmpdir(), 'chancery-jobs-')), 'checkpoints.jsonl');

  beforeAll(async () => {
    redis = await open();
    app = await startApp({
      upstream: upstream.listener,
      queueWatchMs: 1_000,
      env: {
        JOBS_EVERY_MS: '300',
        CHANCERY_CHECKPOINT_FILE: checkpoints,
        REDIS_URL: redis?.url ?? '',
      },
    });
    tenant = await app.newTenant();
    agent = await newAgent(app, tenant, 'scribe');
    await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: [agent] });
  });
  afterAll(async () => {
    await app?.close();
    await redis?.close();
    rmSync(path.dirname(checkpoints), { recursive: true, force: true });
  });

  /** A use, whose position must then stand in a checkpoint. */
  async function useAndSee(): Promise<void> {
    const answer = await execute(agent, 'key');
    expect(answer.status).toBe(200);
    const { seq } = answer.body.audit as { seq: number };
    const id = `"tenant":"${publicId('ten', tenant.id)}"`;
    await eventually(
      () =>
        readFileSync(checkpoints, 'utf8')
          .split('\n')
          .slice(0, -1) // perhaps half a line
          .filter((line) => line.includes(id)),
      (lines) => lines.some((line) => (JSON.parse(line) as { seq: number }).seq >= seq),
      WITHIN_MS,
    );
  }

  /** An intent whose outcome was lost minutes ago, which the sweep must find. */
  async function loseAndSee(): Promise<void> {
    const acts = new AdministrativeActs(app.open.tenants, new SystemClock());
    const details = { deadline: new Date(Date.now() - 300_000).toISOString() };
    const intent = { actor: 'toy', action: 'credential.use', outcome: 'intent', details };
    const { seq } = await acts.run(tenant.id, ({ chain }) => chain.append(intent));
    const marked = async () => (await entriesOf(app.open, tenant.id)).find(({ entry }) => entry.details.intent === seq);
    expect((await eventually(marked, (found) => found !== undefined, WITHIN_MS))?.entry).toMatchObject({
      actor: 'system:sweep',
      outcome: 'unknown',
    });
  }

  async function bothJobsRun(): Promise<void> {
    await useAndSee();
    await loseAndSee();
    expect((await tenant.admin('GET', '/v1/audit/verification')).body).toMatchObject({ verdict: 'ok' });
  }

  test('P3, P16: checkpoints are signed and lost outcomes are marked, while calls go on', bothJobsRun);

  test('P15: the queue loses everything: that costs time, and no work', async () => {
    await (redis === null ? loseTables() : redis.ask((client) => client.flushall()));
    expect((await execute(agent, 'key')).status).toBe(200);
    await bothJobsRun();
  });

  test('P15: the queue is gone for a while: calls go on, and afterwards the jobs do', async () => {
    if (redis === null) await asSuperuser(app.database.adminUrl, (admin) => admin.query(END_QUEUE));
    await redis?.kill();
    expect((await execute(agent, 'key')).status).toBe(200);
    await redis?.startAgain();
    await bothJobsRun();
    await eventually(
      () => fetch(`${app.at.tenant}/health/ready`),
      ({ status }) => status === 200,
      WITHIN_MS,
    );
  });

  const keyTest = () => {
    test('every key stands in one slot, so that Redis Cluster takes it', async () => {
      const keys = (await redis?.ask((client) => client.keys('*'))) ?? [];
      expect(keys.length).toBeGreaterThan(0);
      expect(keys.filter((key) => !key.startsWith('{chancery}:'))).toEqual([]);
    });
  };
  if (onRedis) keyTest();

  /** A worker at work locks the same tables in another order. */
  async function loseTables(): Promise<void> {
    const emptied = await asSuperuser(app.database.adminUrl, (admin) => admin.query(EMPTY_QUEUE)).catch(
      (error: { code?: string }) => (error.code === '40P01' ? null : Promise.reject(error)),
    );
    if (emptied === null) await loseTables();
  }
}

const END_QUEUE = `select pg_terminate_backend(pid) from pg_stat_activity
  where usename = 'chancery_queue' and datname = current_database()`;
const EMPTY_QUEUE = `do $$ begin execute (select 'truncate ' || string_agg(format('bullmq.%I', tablename), ', ')
  from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'); end $$`;
