import { BootId } from '../platform/boot-id.js';
import { type Clock, SystemClock } from '../platform/clock.js';
import { databaseUnavailable, OutcomeUnknownError } from '../platform/database/database.errors.js';
import { Refusals } from '../platform/http/refusals.js';
import { setCaller } from '../platform/http/caller.js';
import { rateLimited } from '../platform/http/http.errors.js';
import { newUuid, PLATFORM_TENANT_ID, publicId } from '../platform/ids.js';
import { createLog } from '../platform/telemetry/logger.js';
import { type Act, Acts, type EntryDraft } from '../tenancy/acts.js';
import { eventTypeOf } from './notable.js';
import { RecordRefusals } from './record-refusals.js';

const T0 = Date.parse('2026-01-01T10:00:00.000Z');
const at = (text: string): number => Date.parse(`2026-01-01T${text}.000Z`);
const [tenant, agent] = [newUuid(), newUuid()];

/** Chains in memory, whose commits fail as a test says. */
class ToyActs extends Acts {
  readonly chains = new Map<string, EntryDraft[]>();
  runs = 0;
  /** The next act does not begin, or is committed or undone without an answer. */
  fault: 'unavailable' | 'landed' | 'lost' | null = null;

  override async run<T>(tenantId: string, work: (act: Act) => Promise<T>): Promise<T> {
    this.runs += 1;
    const fault = this.fault;
    this.fault = null;
    if (fault === 'unavailable') throw databaseUnavailable();
    const entries = this.chains.get(tenantId) ?? [];
    const drafts = [...entries];
    const hashOf = (seq: number) => Buffer.from(JSON.stringify(drafts[seq - 1] ?? null));
    const query = (_: string, [, seq]: [string, number]) => ({ rows: entries[seq - 1] ? [{ hash: hashOf(seq) }] : [] });
    const append = (draft: EntryDraft) => {
      drafts.push(draft);
      return { seq: drafts.length, hash: hashOf(drafts.length).toString('hex') };
    };
    const result = await work({ tx: { tenantId, client: { query } }, chain: { append }, nowMs: T0 } as unknown as Act);
    if (fault !== 'lost') this.chains.set(tenantId, drafts);
    if (fault !== null) throw new OutcomeUnknownError();
    return result;
  }

  override begin(): Promise<void> {
    throw new Error('no tenant is made here');
  }

  of = (tenantId: string) => (this.chains.get(tenantId) ?? []).map(({ action, details }) => [action, details.count]);
}

function setUp() {
  const logged: { msg: string; count?: number }[] = [];
  const log = createLog({
    level: 'warn',
    destination: { write: (line: string) => void logged.push(JSON.parse(line)) },
  });
  const clock: Clock = new SystemClock();
  const now = jest.spyOn(clock, 'now').mockReturnValue(T0 + 1);
  const acts = new ToyActs();
  const refusals = new Refusals();
  const record = new RecordRefusals(refusals, acts, clock, new BootId(), log);
  const refuse = (times: number) => {
    const request = { raw: {} as never };
    setCaller(request, { tenantId: tenant, principalId: `agent:${agent}` });
    for (let i = 0; i < times; i += 1) refusals.note(rateLimited(1).spec, request);
  };
  return { acts, refusals, record, refuse, logged, to: (text: string) => now.mockReturnValue(at(text)) };
}

test('a minute is written down when it is over, in one act a chain, and nothing where nothing was refused', async () => {
  const { acts, refusals, record, refuse, to } = setUp();
  refuse(2);
  for (const code of ['invalid_token', 'invalid_token', 'unauthenticated']) refusals.count(code);
  to('10:00:59');
  await record.execute();
  expect(acts.runs).toBe(0);
  to('10:01:00');
  await record.execute();
  const minute = { from: '2026-01-01T10:00:00.000Z', to: '2026-01-01T10:01:00.000Z', boot: expect.any(String) };
  const guard = { actor: 'system:guard', outcome: 'denied' };
  expect(acts.chains.get(tenant)).toEqual([
    {
      ...guard,
      action: 'agent.denials_suppressed',
      details: { agent: publicId('agt', agent), code: 'rate_limited', count: 2, ...minute },
    },
  ]);
  expect(acts.chains.get(PLATFORM_TENANT_ID)).toEqual([
    { ...guard, action: 'authentication.failed', details: { code: 'invalid_token', count: 2, ...minute } },
    { ...guard, action: 'authentication.failed', details: { code: 'unauthenticated', count: 1, ...minute } },
  ]);
  to('10:02:00');
  await record.execute();
  expect(acts.runs).toBe(2);
});

test('what the database does not take is counted on, and written with the minute it began in', async () => {
  const { acts, record, refuse, logged, to } = setUp();
  refuse(2);
  acts.fault = 'unavailable';
  to('10:01:00');
  await record.execute();
  expect(logged).toMatchObject([{ msg: 'refused requests are not written down yet', count: 2 }]);
  refuse(3);
  to('10:02:00');
  await record.execute();
  expect(acts.chains.get(tenant)).toMatchObject([
    { details: { count: 5, from: '2026-01-01T10:00:00.000Z', to: '2026-01-01T10:02:00.000Z' } },
  ]);
});

test.each(['landed', 'lost'] as const)(
  'P14: a commit without an answer that %s is in the chain once',
  async (fault) => {
    const { acts, record, refuse, to } = setUp();
    refuse(2);
    acts.fault = fault;
    to('10:01:00');
    await record.execute();
    to('10:02:00');
    await record.execute();
    expect(acts.of(tenant)).toEqual([['agent.denials_suppressed', 2]]);
    refuse(1);
    to('10:03:00');
    await record.execute();
    expect(acts.of(tenant).slice(1)).toEqual([['agent.denials_suppressed', 1]]);
  },
);

test('an orderly end writes down what the minute has so far; what it cannot write it says', async () => {
  const { acts, refusals, record, refuse, logged, to } = setUp();
  record.onApplicationBootstrap();
  refuse(2);
  to('10:00:30');
  await record.beforeApplicationShutdown();
  expect(acts.chains.get(tenant)).toMatchObject([{ details: { count: 2, to: '2026-01-01T10:00:30.000Z' } }]);
  refuse(4);
  refusals.count('unauthenticated');
  acts.fault = 'unavailable';
  await record.beforeApplicationShutdown();
  // The second chain is not even tried: nobody waits for a database that is gone.
  expect(acts.runs).toBe(2);
  expect(logged.filter(({ msg }) => msg.includes('could not be')).map(({ count }) => count)).toEqual([4, 1]);
});

test('P4: the head is locked for a hundred entries at most', async () => {
  const { acts, refusals, record, to } = setUp();
  for (let i = 0; i < 250; i += 1) refusals.count(`code_${i}`);
  to('10:01:00');
  await record.execute();
  expect([acts.runs, acts.of(PLATFORM_TENANT_ID).length]).toEqual([3, 250]);
});

test('nobody is told of these entries by webhook', () => {
  for (const action of ['agent', 'member', 'service_key', 'principals'].map((who) => `${who}.denials_suppressed`))
    expect(eventTypeOf(action)).toBeUndefined();
  expect(eventTypeOf('authentication.failed')).toBeUndefined();
});
