import { Client } from 'pg';
import { loginAs } from '../../src/platform/database/database-address.js';
import { tenantRole } from '../../src/platform/database/roles.js';
import { entriesOf } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import {
  breachesIn,
  type Cast,
  newCast,
  type Node,
  startTwoNodes,
  type TwoNodes,
  useOn,
} from '../support/two-nodes.js';

jest.setTimeout(60_000);

const LONG = process.env.CHANCERY_TEST_LONG === '1';
const ROUNDS = Number(process.env.CHANCERY_RACE_ROUNDS ?? (LONG ? 100 : 10));
const reason = 'locks';
let nodes: TwoNodes;
beforeAll(async () => {
  nodes = await startTwoNodes();
});
afterAll(() => nodes?.close());

const deadlocks = (): Promise<number> =>
  asSuperuser(nodes.test.database.adminUrl, async (admin) => {
    await admin.query('select pg_stat_clear_snapshot()');
    const { rows } = await admin.query<{ deadlocks: string }>(
      'select deadlocks from pg_stat_database where datname = current_database()',
    );
    return Number(rows[0]?.deadlocks);
  });

const grants = ({ credential, agent }: Cast): string => `/v1/credentials/${credential}/grants/${agent.id}`;

test('acts that touch brakes and grants in either order, on both nodes at once, never wait for each other in a circle', async () => {
  const cast = await newCast(nodes);
  const second = await newCast(nodes, { tenant: cast.tenant });
  const brakeAndClear = async (node: Node, of: Cast): Promise<number[]> => {
    const body = { scope: 'agent', agent_id: of.agent.id, reason };
    const pulled = await cast.admin(node)<{ id: string }>('POST', '/v1/brakes', body);
    const cleared = await cast.human(node)('POST', `/v1/brakes/${pulled.body.id}/clear`, { reason });
    return [pulled.status, cleared.status];
  };
  const regrant = async (node: Node, of: Cast): Promise<number[]> => {
    const removed = await cast.admin(node)('DELETE', grants(of));
    const given = await cast.admin(node)('PUT', grants(of));
    return [removed.status, given.status];
  };
  const retier = async (node: Node, of: Cast): Promise<number[]> => {
    const down = await cast.admin(node)('POST', `/v1/agents/${of.agent.id}/demote`, { tier: 'NOVICE', reason });
    const up = await cast.human(node)('POST', `/v1/agents/${of.agent.id}/promote`, { tier: 'COMPANION', reason });
    return [down.status, up.status];
  };
  let done = 0;
  const use = async (node: Node, of: Cast): Promise<number[]> => [(await useOn(nodes, node, of)).status];
  for (let round = 0; round < ROUNDS; round += 1) {
    const statuses = await Promise.all([
      brakeAndClear(nodes.first, cast),
      brakeAndClear(nodes.second, second),
      regrant(nodes.second, cast),
      regrant(nodes.first, second),
      retier(round % 2 ? nodes.first : nodes.second, cast),
      use(nodes.first, cast),
      use(nodes.second, second),
    ]);
    // 409 where what came before it was refused with 503.
    for (const status of statuses.flat()) expect([200, 201, 204, 403, 404, 409, 503]).toContain(status);
    done += statuses.flat().filter((status) => status < 300).length;
  }
  expect(await deadlocks()).toBe(0);
  expect(await breachesIn(nodes, cast.tenant)).toEqual([]);
  expect(done).toBeGreaterThan(ROUNDS * 6);
  expect((await entriesOf(nodes.test.open, cast.tenant.id)).length).toBeGreaterThan(done);
});

/** The server has what it sent, and keeps it waiting for another's lock. */
const isBlocked = (client: Client): Promise<unknown> =>
  asSuperuser(nodes.test.database.adminUrl, (admin) =>
    eventually(
      () =>
        admin.query('select from pg_locks where pid = $1 and not granted', [
          (client as Client & { readonly processID: number }).processID,
        ]),
      ({ rowCount }) => rowCount === 1,
    ),
  );

test('an act that wrote before it locked the head would, and this is seen', async () => {
  const { tenant } = await newCast(nodes);
  const { address, password } = nodes.test.database;
  const clients = [1, 2].map(() => new Client(loginAs(address, tenantRole(tenant.id), password)));
  await Promise.all(clients.map((client) => client.connect()));
  const [act, naive] = clients as [Client, Client];
  try {
    for (const client of clients) await client.query('begin');
    const lock = 'select from chain_head where tenant_id = $1 for update';
    const write = 'update agents set updated_at = now() where tenant_id = $1';
    // The statement trigger is what locks the head here: behind the write, and so the wrong way round.
    await act.query(lock, [tenant.id]);
    const ends = [naive.query(write, [tenant.id])];
    await isBlocked(naive);
    ends.push(act.query(write, [tenant.id]));
    const settled = await Promise.allSettled(ends);
    expect(settled.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: { code: '40P01' } }]);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
  expect(await deadlocks()).toBeGreaterThan(0);
});
