import { ChainMemory } from '../../src/audit/chain-memory.js';
import { ProofWindow } from '../../src/audit/proof-window.js';
import { entriesOf } from '../support/chain-check.js';
import type { Answer } from '../support/dpop-agent.js';
import { aroundStatements, isLockedLook, isSwap } from '../support/statements.js';
import { type Fate, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import {
  breachesIn,
  type Cast,
  newCast,
  type Node,
  proofOf,
  settledUseOn,
  startTwoNodes,
  stopClock,
  type TwoNodes,
  useOn,
} from '../support/two-nodes.js';

jest.setTimeout(60_000);

const USE = 'credential.use';
const REPLAYED = { status: 401, body: { code: 'invalid_dpop_proof' } };
let nodes: TwoNodes;
let proxy: TcpProxy;
let fate: (sent: Buffer) => Fate = () => 'pass';
beforeAll(async () => {
  nodes = await startTwoNodes({
    second: async ({ database: { address } }) => {
      proxy = await startTcpProxy(address, (sent) => fate(sent));
      return { DATABASE_URL: `postgresql://127.0.0.1:${proxy.port}/${address.database}` };
    },
  });
});
beforeEach(() => {
  fate = () => 'pass';
  stopClock(nodes.first);
  stopClock(nodes.second);
});
afterEach(() => void jest.restoreAllMocks());
afterAll(async () => {
  await nodes?.close();
  proxy?.close();
});

const statuses = (answers: readonly Answer[]): number[] =>
  answers.map(({ status }) => status).toSorted((a, b) => a - b);
async function usesOf(it: Cast, outcome = 'intent'): Promise<unknown[]> {
  const entries = (await entriesOf(nodes.test.open, it.tenant.id)).map(({ entry }) => entry);
  return entries.filter((entry) => entry.action === USE && entry.outcome === outcome).map(({ details }) => details.jti);
}
const brakeOn = (it: Cast, node: Node) =>
  it.admin(node)('POST', '/v1/brakes', { scope: 'agent', agent_id: it.agent.id, reason: 'race' });

describe('P10: one proof on two nodes', () => {
  test('decided on both before either swap: exactly one is let through', async () => {
    const it = await newCast(nodes);
    for (const node of [nodes.first, nodes.second]) expect((await settledUseOn(nodes, node, it)).status).toBe(200);
    const proof = await proofOf(nodes, it);
    const swaps = [nodes.first, nodes.second].map(({ barriers }) => barriers.before(it.tenant.id, isSwap));
    const used = [nodes.first, nodes.second].map((node) => useOn(nodes, node, it, proof));
    await Promise.all(swaps.map(({ reached }) => reached));
    for (const swap of swaps) swap.open();
    const answers = await Promise.all(used);
    expect(statuses(answers)).toEqual([200, 401]);
    expect(answers.find(({ status }) => status === 401)).toMatchObject(REPLAYED);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
  });

  test('sent ten times to each at once, by cold nodes too: exactly one is let through', async () => {
    for (const warm of [true, false]) {
      const it = await newCast(nodes);
      if (warm) for (const node of [nodes.first, nodes.second]) await useOn(nodes, node, it);
      const proof = await proofOf(nodes, it);
      const sent = Array.from({ length: 20 }, (_, i) => useOn(nodes, i % 2 ? nodes.first : nodes.second, it, proof));
      expect(statuses(await Promise.all(sent)).filter((status) => status === 200)).toEqual([200]);
      expect(await breachesIn(nodes, it.tenant)).toEqual([]);
    }
  });

  test('a node that does not learn what others spent lets it through twice, and this is seen', async () => {
    const it = await newCast(nodes);
    await settledUseOn(nodes, nodes.first, it);
    const blind = jest.spyOn(ChainMemory.prototype, 'load').mockResolvedValue(true);
    const proof = await proofOf(nodes, it);
    const swap = nodes.first.barriers.before(it.tenant.id, isSwap);
    const late = useOn(nodes, nodes.first, it, proof);
    await swap.reached;
    expect((await useOn(nodes, nodes.second, it, proof)).status).toBe(200);
    swap.open();
    expect((await late).status).toBe(200);
    blind.mockRestore();
    expect(await breachesIn(nodes, it.tenant)).toMatchObject([{ due: 'refused: the proof is spent' }]);
  });
});

describe('P10: a swap that is lost', () => {
  async function loseOneSwap(it: Cast): Promise<Answer> {
    await settledUseOn(nodes, nodes.first, it);
    const proof = await proofOf(nodes, it);
    const swap = nodes.first.barriers.before(it.tenant.id, isSwap);
    const used = useOn(nodes, nodes.first, it, proof);
    await swap.reached;
    expect((await useOn(nodes, nodes.second, it)).status).toBe(200);
    swap.open();
    return used;
  }

  test('spends no proof: the use goes on with the same one, and only then is it spent', async () => {
    const it = await newCast(nodes);
    expect((await loseOneSwap(it)).status).toBe(200);
    expect(new Set(await usesOf(it)).size).toBe(3);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
  });

  test('a use that got 503 and left no entry succeeds with the same proof', async () => {
    const it = await newCast(nodes);
    await settledUseOn(nodes, nodes.second, it);
    const proof = await proofOf(nodes, it);
    jest.restoreAllMocks(); // time has to run out
    fate = (sent) => (sent.includes('audit-cas') || sent.includes('for update') ? 'lose' : 'pass');
    const refused = await useOn(nodes, nodes.second, it, proof);
    expect(refused).toMatchObject({ status: 503 });
    fate = () => 'pass';
    expect((await useOn(nodes, nodes.second, it, proof)).status).toBe(200);
    expect(await useOn(nodes, nodes.first, it, proof)).toMatchObject(REPLAYED);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
  });

  test('a node that spends proofs when it decides refuses the use it decides again, and this is seen', async () => {
    const it = await newCast(nodes);
    const asked = new Set<string>();
    jest.spyOn(ProofWindow.prototype, 'has').mockImplementation((jti) => {
      const seen = asked.has(jti);
      asked.add(jti);
      return seen;
    });
    expect(await loseOneSwap(it)).toMatchObject(REPLAYED);
  });
});

describe('P14: a commit whose fate is unknown, on the second node', () => {
  const cutAt = (what: Fate) => {
    let cut = false;
    return (sent: Buffer): Fate => {
      if (cut || !sent.includes('audit-cas')) return 'pass';
      cut = true;
      return what;
    };
  };

  /** A use whose swap is cut off, with a brake pulled elsewhere before the node looks what became of it. */
  async function cutAndBraked(it: Cast, what: Fate, behind: () => void = () => undefined): Promise<Answer> {
    await settledUseOn(nodes, nodes.second, it);
    const look = nodes.second.barriers.before(it.tenant.id, isLockedLook);
    fate = cutAt(what);
    const used = useOn(nodes, nodes.second, it);
    await look.reached;
    expect((await brakeOn(it, nodes.first)).status).toBe(201);
    behind();
    look.open();
    return used;
  }

  test('landed, with nothing behind it: answered once, standing once', async () => {
    const it = await newCast(nodes);
    await settledUseOn(nodes, nodes.second, it);
    fate = cutAt('lose_answer');
    const used = await useOn(nodes, nodes.second, it);
    expect(used.status).toBe(200);
    expect(await usesOf(it)).toHaveLength(2);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
  });

  test('landed, with a brake behind it: the use stands before the brake, and nothing stands behind', async () => {
    const it = await newCast(nodes);
    const used = await cutAndBraked(it, 'lose_answer');
    expect(used.body.code ?? 'success').not.toBe('brake_active');
    expect(await usesOf(it)).toHaveLength(2);
    expect(await usesOf(it, 'denied')).toHaveLength(0);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
  });

  test.each([
    ['never arrived', 'lose'],
    ['arrives behind the brake, from a connection long gone', 'strand'],
  ] as const)('%s: the use is denied', async (_, what) => {
    const it = await newCast(nodes);
    const used = await cutAndBraked(it, what, () => proxy.deliver());
    expect(used).toMatchObject({ status: 403, body: { code: 'brake_active' } });
    expect(await usesOf(it)).toHaveLength(1);
    expect(await usesOf(it, 'denied')).toHaveLength(1);
    expect(await breachesIn(nodes, it.tenant)).toEqual([]);
  });

  test('a node that never looks takes its own use for a replay, and this is seen', async () => {
    const it = await newCast(nodes);
    await settledUseOn(nodes, nodes.second, it);
    aroundStatements(nodes.second.app, async (statement, run) => {
      const answer = await run();
      const isLook = statement.tenantId === it.tenant.id && statement.what.startsWith('select hash from audit_entries');
      return isLook ? (Object.assign(answer as object, { rows: [] }) as typeof answer) : answer;
    });
    fate = cutAt('lose_answer');
    expect(await useOn(nodes, nodes.second, it)).toMatchObject(REPLAYED);
    expect(await usesOf(it)).toHaveLength(2);
  });
});
