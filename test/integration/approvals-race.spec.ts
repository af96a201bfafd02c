import { ChainMemory } from '../../src/audit/chain-memory.js';
import { entriesOf } from '../support/chain-check.js';
import { DpopAgent, type Answer } from '../support/dpop-agent.js';
import { callerOn, signedIn } from '../support/identity.js';
import { isSwap } from '../support/statements.js';
import { UPSTREAM_URL } from '../support/app.js';
import {
  type Cast,
  newCast,
  type Node,
  proofOf,
  startTwoNodes,
  stopClock,
  type TwoNodes,
} from '../support/two-nodes.js';

jest.setTimeout(60_000);

let nodes: TwoNodes;
beforeAll(async () => void (nodes = await startTwoNodes()));
beforeEach(() => [nodes.first, nodes.second].forEach(stopClock));
afterEach(() => void jest.restoreAllMocks());
afterAll(() => nodes?.close());

const request = { method: 'GET', url: `${UPSTREAM_URL}/`, headers: { authorization: 'Bearer {{CREDENTIAL}}' } };

async function use(node: Node, it: Cast, approval?: string): Promise<Answer> {
  const { agent, credential } = it;
  const there = new DpopAgent(node.url, agent.id, agent.apiKey, agent.key);
  there.accessToken = agent.accessToken;
  const body = { purpose: 'race', request, ...(approval === undefined ? {} : { approval_id: approval }) };
  return there.callOnce('POST', `/v1/credentials/${credential}/execute`, { dpop: await proofOf(nodes, it) }, body);
}

async function castWithApproval(): Promise<{ it: Cast; approval: string }> {
  const it = await newCast(nodes, { credential: { approval: 'each_use' } });
  const { id } = (await use(nodes.first, it)).body.approval as { id: string };
  const approver = callerOn(nodes.first.url, await signedIn(nodes.test, it.tenant.id, 'approver'));
  expect((await approver('POST', `/v1/approvals/${id}/approve`)).status).toBe(200);
  // Both nodes know the policy that the approval is in.
  for (const node of [nodes.first, nodes.second]) expect((await use(node, it)).status).toBe(202);
  return { it, approval: id };
}

const intents = async ({ tenant }: Cast): Promise<unknown[]> =>
  (await entriesOf(nodes.test.open, tenant.id))
    .filter(({ entry }) => entry.action === 'credential.use' && entry.outcome === 'intent')
    .map(({ entry }) => entry.details['approval']);

test('one approval on two nodes, decided on both before either swap: one use', async () => {
  const { it, approval } = await castWithApproval();
  const swaps = [nodes.first, nodes.second].map(({ barriers }) => barriers.before(it.tenant.id, isSwap));
  const used = [nodes.first, nodes.second].map((node) => use(node, it, approval));
  await Promise.all(swaps.map(({ reached }) => reached));
  for (const swap of swaps) swap.open();
  const answers = await Promise.all(used);
  expect(new Set(answers.map(({ status, body }) => body.code ?? status))).toEqual(new Set([200, 'approval_used']));
  expect(await intents(it)).toEqual([approval]);
});

test('one approval, ten times on each node at once: one use', async () => {
  const { it, approval } = await castWithApproval();
  const sent = Array.from({ length: 20 }, (_, i) => use(i % 2 ? nodes.first : nodes.second, it, approval));
  const codes = (await Promise.all(sent)).map(({ status, body }) => body.code ?? status);
  expect(codes.filter((code) => code === 200)).toEqual([200]);
  expect(new Set(codes)).toEqual(new Set([200, 'approval_used']));
  expect(await intents(it)).toEqual([approval]);
});

test('used on one node, and then on the other: the second learns it from the chain', async () => {
  const { it, approval } = await castWithApproval();
  expect((await use(nodes.first, it, approval)).status).toBe(200);
  expect((await use(nodes.second, it, approval)).body.code).toBe('approval_used');
});

test('a node that does not learn what others spent lets it through twice, and this is seen', async () => {
  const { it, approval } = await castWithApproval();
  jest.spyOn(ChainMemory.prototype, 'load').mockResolvedValue(true);
  expect((await use(nodes.first, it, approval)).status).toBe(200);
  expect((await use(nodes.second, it, approval)).status).toBe(200);
  expect(await intents(it)).toEqual([approval, approval]);
});

test('entries left unread make a node load the policy, which knows what they spent', async () => {
  const { it, approval } = await castWithApproval();
  expect((await use(nodes.first, it, approval)).status).toBe(200);
  jest.spyOn(ChainMemory.prototype, 'load').mockResolvedValue(false);
  expect((await use(nodes.second, it, approval)).body.code).toBe('approval_used');
});
