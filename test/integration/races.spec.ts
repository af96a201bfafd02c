import { tenantRole } from '../../src/platform/database/roles.js';
import type { AppTenant } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { type Race, RACES } from '../support/races.js';
import { isCaughtUp, isPolicyCommit, isSwap } from '../support/statements.js';
import {
  breachesIn,
  type Cast,
  newCast,
  settledUseOn,
  startTwoNodes,
  stopClock,
  type TwoNodes,
  useOn,
} from '../support/two-nodes.js';

jest.setTimeout(60_000);

const USE = 'credential.use';
let nodes: TwoNodes;
beforeAll(async () => {
  nodes = await startTwoNodes();
});
afterAll(() => nodes?.close());

async function perform(at: TwoNodes, race: Race, it: Cast): Promise<void> {
  const answer = await race.perform(it, at.second);
  if (answer.status >= 300) throw new Error(`${race.act}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

/** Where the act stands, and the uses before and behind it. */
async function orderOf(at: TwoNodes, race: Race, it: Cast) {
  const entries = (await entriesOf(at.test.open, it.tenant.id)).map(({ entry }) => entry);
  const act = entries.findLast(({ action }) => action === race.entry)?.seq ?? 0;
  const actor = `agent:${it.agent.id}`;
  const uses = entries.filter((entry) => entry.action === USE && entry.actor === actor);
  return { act, before: uses.filter(({ seq }) => seq < act), behind: uses.filter(({ seq }) => seq > act) };
}

/** A backend of the tenant waits for a lock: the statement was sent, and the head is somebody else's. */
const somebodyWaits = (at: TwoNodes, it: Cast): Promise<unknown> =>
  asSuperuser(at.test.database.adminUrl, (admin) =>
    eventually(
      async () => {
        const { rowCount } = await admin.query(
          "select from pg_stat_activity where usename = $1 and wait_event_type = 'Lock'",
          [tenantRole(it.tenant.id)],
        );
        return rowCount ?? 0;
      },
      (waiting) => waiting > 0,
    ),
  );

describe.each(RACES)('P4: $act, on the other node', (race) => {
  let tenant: AppTenant;
  beforeAll(async () => {
    tenant = await nodes.test.newTenant();
  });
  beforeEach(() => stopClock(nodes.first));
  afterEach(() => clearBrakes(tenant));

  test('while a cold node has loaded the policy and decides nothing yet: the use is decided again', async () => {
    const it = await newCast(nodes, { ...race, tenant });
    const caughtUp = nodes.first.barriers.before(it.tenant.id, isCaughtUp);
    const used = useOn(nodes, nodes.first, it);
    await caughtUp.reached;
    await perform(nodes, race, it);
    caughtUp.open();
    expect(await expected(race, used)).toEqual(race.after);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
  });

  test('between a decision and its swap: the use is decided again', async () => {
    const it = await newCast(nodes, { ...race, tenant });
    expect(await settledUseOn(nodes, nodes.first, it)).toMatchObject({ status: race.before ?? 200 });
    const swap = nodes.first.barriers.before(it.tenant.id, isSwap);
    const used = useOn(nodes, nodes.first, it);
    await swap.reached;
    await perform(nodes, race, it);
    swap.open();
    expect(await expected(race, used)).toEqual(race.after);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
    expect((await orderOf(nodes, race, it)).before).toHaveLength(1);
  });

  test('not yet committed while the swap waits for the head: the use is decided again', async () => {
    const it = await newCast(nodes, { ...race, tenant });
    expect(await settledUseOn(nodes, nodes.first, it)).toMatchObject({ status: race.before ?? 200 });
    const commit = nodes.second.barriers.before(it.tenant.id, isPolicyCommit);
    const performed = perform(nodes, race, it);
    await commit.reached;
    const used = useOn(nodes, nodes.first, it);
    await somebodyWaits(nodes, it);
    commit.open();
    await performed;
    expect(await expected(race, used)).toEqual(race.after);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
  });

  test('behind a swap whose answer is still on its way: the use stands before it', async () => {
    const it = await newCast(nodes, { ...race, tenant });
    const swap = nodes.first.barriers.after(it.tenant.id, isSwap);
    const used = useOn(nodes, nodes.first, it);
    await swap.reached;
    await perform(nodes, race, it);
    swap.open();
    await used;
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
    expect(await orderOf(nodes, race, it)).toMatchObject({ before: [{ action: USE }], behind: [] });
  });
});

/** What the tests of one tenant leave behind that covers each other's agents. */
async function clearBrakes({ human }: AppTenant): Promise<void> {
  const { body } = await human<{ data: { id: string }[] }>('GET', '/v1/brakes?active=true');
  for (const { id } of body.data) await human('POST', `/v1/brakes/${id}/clear`, { reason: 'the race is over' });
}

/** Only what the race says something about. */
async function expected({ after }: Race, used: ReturnType<typeof useOn>): Promise<Race['after']> {
  const { status, body } = await used;
  return { status, ...('code' in after && { code: String(body.code) }) };
}

describe('without the epoch these tests see what they must', () => {
  let naive: TwoNodes;
  beforeAll(async () => {
    naive = await startTwoNodes({ naive: true });
  });
  beforeEach(() => stopClock(naive.first));
  afterAll(() => naive?.close());

  test.each(RACES)('$act: a use stands behind it that the policy there does not allow', async (race) => {
    const it = await newCast(naive, race);
    await settledUseOn(naive, naive.first, it);
    const swap = naive.first.barriers.before(it.tenant.id, isSwap);
    const used = useOn(naive, naive.first, it);
    await swap.reached;
    await perform(naive, race, it);
    swap.open();
    await used;
    const { act, behind } = await orderOf(naive, race, it);
    expect(await breachesIn(naive, it.tenant)).toMatchObject([{ seq: behind[0]?.seq }]);
    expect(behind[0]?.seq).toBe(act + 1);
  });
});
