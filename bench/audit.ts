import { randomBytes } from 'node:crypto';
import { columnsOf, rowsFrom } from '../src/audit/audit.repository.js';
import { Committer } from '../src/audit/committer.js';
import { finish, type FinishedEntry } from '../src/audit/chain.js';
import { storedId } from '../src/platform/ids.js';
import type { PooledConnection } from '../src/platform/database/tenant-pools.js';
import { cpuUs } from './cpu.js';
import { asSuperuser, openTenants } from './database.js';
import { machine, median, rounded, table } from './report.js';
import { startWorld, type World } from './world.js';

export interface AuditOptions {
  readonly rounds: number;
  readonly calls: number;
  readonly inFlight: number;
  readonly json: boolean;
}

interface Appender {
  append(): Promise<unknown>;
}

type Round = { readonly perSecond: number; readonly cpuUs: number; readonly databaseUs: number };

const BATCH_MAX = 256;
const WARM_UP = 5_000;
const HASH = randomBytes(32).toString('hex');
const SALT = randomBytes(16).toString('hex');

/** Chained durable appends by the committer, beside unchained inserts of the same rows in the same batches. */
export async function benchAudit(options: AuditOptions): Promise<void> {
  const world = await startWorld();
  const { tenants, close } = await openTenants(world);
  try {
    const tenantId = storedId('ten', (await world.newTenant()).id) ?? '';
    await makeUnchained(world);
    const committer = new Committer<null>(tenantId, tenants, async () => null, Date.now);
    const chained: Appender = {
      append: () => committer.submit(() => ({ kind: 'entry', draft: draft(), result: undefined })),
    };
    const unchained = new Unchained(tenantId, await tenants.connection(tenantId, 'general'));
    const results = { chained: [] as Round[], unchained: [] as Round[] };
    for (let round = -1; round < options.rounds; round += 1) {
      const order = round % 2 === 0 ? (['chained', 'unchained'] as const) : (['unchained', 'chained'] as const);
      for (const name of order) {
        const appender = name === 'chained' ? chained : unchained;
        const measured = await once(appender, world, round < 0 ? WARM_UP : options.calls, options.inFlight);
        if (round >= 0) results[name].push(measured);
      }
    }
    print(results, options);
  } finally {
    await close();
    await world.close();
  }
}

async function once(appender: Appender, world: World, count: number, inFlight: number): Promise<Round> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next++ < count) await appender.append();
  };
  const before = { own: process.cpuUsage(), database: cpuUs(world.postgresPid, true) };
  const from = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(before.own);
  const databaseUs = (cpuUs(world.postgresPid, true) - before.database) / count;
  return { perSecond: count / seconds, cpuUs: (user + system) / count, databaseUs };
}

/** Gathers as the committer does, and inserts without head, hash or swap. */
class Unchained implements Appender {
  #queue: { entry: FinishedEntry; done: () => void }[] = [];
  #running = false;
  #seq = 0;

  constructor(
    private readonly tenantId: string,
    private readonly connection: PooledConnection,
  ) {}

  append(): Promise<void> {
    return new Promise((resolve) => {
      const seq = (this.#seq += 1);
      const at = new Date().toISOString();
      const { actor, action, outcome, details } = draft() as FinishedEntry['entry'];
      const entry: FinishedEntry['entry'] = {
        v: 1,
        tenant: '',
        seq,
        at,
        actor,
        action,
        outcome,
        details,
        salt: SALT,
        prev: HASH,
      };
      this.#queue.push({ entry: { entry, seq, hash: HASH }, done: resolve });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.length > 0) {
      const taken = this.#queue.splice(0, BATCH_MAX);
      const entries = taken.map(({ entry }) => entry);
      await this.connection.client.query({
        name: 'unchained',
        text: `insert into chancery.bench_entries (tenant_id, seq, at, actor, action, outcome, details, salt, prev, hash)
               ${rowsFrom(2)}`,
        values: [this.tenantId, ...columnsOf(entries)],
      });
      for (const { done } of taken) done();
    }
    this.#running = false;
  }
}

/** About what a use writes. */
function draft(): Parameters<typeof finish>[2] {
  const details = {
    name: 'bench_key',
    purpose: 'bench',
    session: 'ses_018f0000000070008000000000000001',
    jti: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    platform_seq: 2,
    method: 'GET',
    url: 'https://api.upstream.test/v1/models',
    credential: 'crd_018f0000000070008000000000000002',
    version: 1,
    flags: [],
  };
  return { actor: 'agent:agt_018f0000000070008000000000000003', action: 'credential.use', outcome: 'intent', details };
}

/** The same columns, key, row security and rights; only nothing that chains. */
async function makeUnchained(world: World): Promise<void> {
  await asSuperuser(world, async (client) => {
    await client.query('create table chancery.bench_entries (like chancery.audit_entries including all)');
    await client.query('alter table chancery.bench_entries enable row level security');
    await client.query(`create policy tenant on chancery.bench_entries to chancery_tenant
      using (tenant_id = substr(session_user::text, 3)::uuid)
      with check (tenant_id = substr(session_user::text, 3)::uuid)`);
    await client.query('grant select, insert on chancery.bench_entries to chancery_tenant');
  });
}

function print(results: Record<'chained' | 'unchained', Round[]>, options: AuditOptions): void {
  const of = (rounds: Round[], pick: (round: Round) => number, digits = 0): number =>
    rounded(median(rounds.map(pick)), digits);
  const side = (rounds: Round[]) => ({
    per_s: of(rounds, (round) => round.perSecond),
    cpu_us: of(rounds, (round) => round.cpuUs, 1),
    postgres_cpu_us: of(rounds, (round) => round.databaseUs, 1),
  });
  const { chained, unchained } = results;
  const shares = chained.map(({ perSecond }, index) => perSecond / (unchained[index] as Round).perSecond);
  const sides = { chained: side(chained), unchained: side(unchained) };
  const ratio = rounded(median(shares), 3);
  if (options.json) return console.log(JSON.stringify({ ratio_audit: ratio, ...sides }));
  const rows = Object.entries(sides).map(([name, s]) => [name, s.per_s, s.cpu_us, s.postgres_cpu_us]);
  console.log(table([['side', 'appends/s', 'CPU µs', 'PostgreSQL CPU µs'], ...rows]));
  console.log(`\nchained over unchained ${ratio}`);
  console.log(`${options.rounds} rounds of ${options.calls}, ${options.inFlight} in flight, medians. ${machine()}`);
}
