import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { ChainMemory } from '../../src/audit/chain-memory.js';
import type { Answer } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { DpopAgent } from '../support/dpop-agent.js';
import { UPSTREAM_URL } from '../support/app.js';
import { type Cast, newCast, type Node, startTwoNodes, type TwoNodes, useOn, proofOf } from '../support/two-nodes.js';

jest.setTimeout(300_000);

const upstream = new ScriptedUpstream();
const LIMITS = { USES_AGENT_CONCURRENT: '4', USES_TENANT_CONCURRENT: '6' };
let nodes: TwoNodes;
beforeAll(async () => {
  nodes = await startTwoNodes({ upstream: upstream.listener, env: LIMITS, second: async () => LIMITS });
});
afterEach(() => {
  jest.restoreAllMocks();
  upstream.letGo();
});
afterAll(() => nodes?.close());

const statusesOf = (answers: readonly Answer[]) => answers.map(({ status }) => status).sort((a, b) => a - b);
const each = (index: number): Node => (index % 2 === 0 ? nodes.first : nodes.second);

async function hangingUse(it: Cast, node: Node): Promise<Answer> {
  const there = new DpopAgent(node.url, it.agent.id, it.agent.apiKey, it.agent.key);
  there.accessToken = it.agent.accessToken;
  const request = { method: 'GET', url: `${UPSTREAM_URL}/hang`, headers: { authorization: 'Bearer {{CREDENTIAL}}' } };
  const dpop = await proofOf(nodes, it);
  return there.callOnce(
    'POST',
    `/v1/credentials/${it.credential}/execute`,
    { dpop },
    { purpose: 'hang', request, timeout_ms: 120_000 },
  );
}

test('P20: uses a minute of a credential by an agent are counted exactly, on all nodes at once', async () => {
  const it = await newCast(nodes, { credential: { limits: { per_minute: 10 } } });
  const answers: Answer[] = [];
  for (let round = 0; round < 8; round += 1)
    answers.push(...(await Promise.all([0, 1].map((index) => useOn(nodes, each(index), it)))));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({
    code: 'limit_reached',
    limit: 'credential_rate',
    audit: { seq: expect.any(Number) },
  });
  const seconds = Number(refused?.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(30);
  expect(seconds).toBeLessThanOrEqual(61);
});

test('P20: a node that starts cold knows what was used before', async () => {
  const it = await newCast(nodes, { credential: { limits: { per_minute: 3 } } });
  for (let used = 0; used < 3; used += 1) expect((await useOn(nodes, nodes.first, it)).status).toBe(200);
  expect((await useOn(nodes, nodes.second, it)).status).toBe(429);
});

test('a node that does not learn of the uses elsewhere lets too many through, and this is seen', async () => {
  const it = await newCast(nodes, { credential: { limits: { per_minute: 2 } } });
  jest.spyOn(ChainMemory.prototype, 'load').mockResolvedValue(true);
  const answers = [];
  for (let used = 0; used < 4; used += 1) answers.push(await useOn(nodes, each(used), it));
  expect(statusesOf(answers)).toEqual([200, 200, 200, 200]);
});

test('P20: uses under way of one agent and of one tenant are bounded on all nodes together, and end', async () => {
  upstream.hangOn('/hang');
  const it = await newCast(nodes);
  const first = [0, 1, 2, 3].map((index) => hangingUse(it, each(index)));
  await eventually(
    () => upstream.hanging,
    (hanging) => hanging === 4,
  );
  const fifth = await useOn(nodes, nodes.second, it);
  expect(fifth).toMatchObject({ status: 429, body: { code: 'limit_reached', limit: 'agent_concurrency' } });

  const other = await newCast(nodes, { tenant: it.tenant });
  const more = [0, 1].map((index) => hangingUse(other, each(index)));
  await eventually(
    () => upstream.hanging,
    (hanging) => hanging === 6,
  );
  expect(await useOn(nodes, nodes.first, other)).toMatchObject({ status: 429, body: { limit: 'tenant_concurrency' } });
  const stranger = await newCast(nodes);
  expect((await useOn(nodes, nodes.first, stranger)).status).toBe(200);

  upstream.letGo();
  expect(statusesOf(await Promise.all([...first, ...more]))).toEqual([200, 200, 200, 200, 200, 200]);
  expect((await useOn(nodes, nodes.first, it)).status).toBe(200);
  await eventually(
    () => useOn(nodes, nodes.second, it),
    ({ status }) => status === 200,
  );
});

test('P20: a node that starts cold counts the uses that are under way elsewhere', async () => {
  upstream.hangOn('/hang');
  const it = await newCast(nodes);
  const first = [0, 1, 2, 3].map(() => hangingUse(it, nodes.first));
  await eventually(
    () => upstream.hanging,
    (hanging) => hanging === 4,
  );
  expect((await useOn(nodes, nodes.second, it)).status).toBe(429);
  upstream.letGo();
  await Promise.all(first);
});
