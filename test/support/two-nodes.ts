import { DpopAgent, type Answer } from './dpop-agent.js';
import { type AppTenant, startApp, storeCredential, type TestApp, type TestAppOptions, UPSTREAM_URL } from './app.js';
import { Barriers } from './barriers.js';
import { proveBrakes } from './brake-proofs.js';
import { entriesOf, verdictOn } from './chain-check.js';
import { asSuperuser } from './database.js';
import { eventually } from './eventually.js';
import { type Caller, callerOn, signedIn } from './identity.js';
import { type Breach, PolicyOracle } from './policy-oracle.js';
import { Clock } from '../../src/platform/clock.js';
import type { StoredEntry } from '../../src/audit/audit.repository.js';
import type { Chancery } from '../../src/start.js';

export interface Node {
  readonly app: Chancery['app'];
  readonly url: string;
  readonly barriers: Barriers;
}

/** Two processes' worth of application on one database. Proofs and tokens hold on both. */
export interface TwoNodes {
  readonly first: Node;
  readonly second: Node;
  readonly test: TestApp;
  close(): Promise<void>;
}

/** What decisions read; without their triggers the SQL is naive. */
const POLICY_TABLES = [
  'agents',
  'agent_sessions',
  'approvals',
  'credentials',
  'credential_versions',
  'grants',
  'brakes',
];

export async function startTwoNodes(
  options: TestAppOptions & {
    /** Takes the epoch away: a test that sees nothing wrong then sees nothing at all. */
    readonly naive?: boolean;
    /** More of the environment, for the second node alone. */
    readonly second?: (test: TestApp) => Promise<Readonly<Record<string, string>>>;
  } = {},
): Promise<TwoNodes> {
  // A call that waits for another's lock waits as long as that takes: what is judged is who came first.
  const test = await startApp({ ...options, env: { POOL_WAIT_MS: '30000', ...options.env } });
  try {
    const joined = await test.join(await options.second?.(test));
    if (options.naive === true) {
      const off = POLICY_TABLES.map((table) => `alter table chancery.${table} disable trigger raise_epoch`);
      await asSuperuser(test.database.adminUrl, (admin) => admin.query(off.join(';')));
    }
    const node = (app: Chancery['app'], url: string): Node => ({ app, url, barriers: Barriers.on(app) });
    const [first, second] = [node(test.app, test.at.tenant), node(joined.app, joined.urls.tenant)];
    return { first, second, test, close: () => test.close() };
  } catch (error) {
    await test.close();
    throw error;
  }
}

/** Stops a node's clock where it is: whatever waits at a barrier, on however slow a machine, does not run out of time. */
export function stopClock({ app }: Node): void {
  jest.spyOn(app.get(Clock, { strict: false }), 'now').mockReturnValue(Date.now());
}

/** An agent, its session, and a credential it may use. */
export interface Cast {
  readonly tenant: AppTenant;
  readonly agent: DpopAgent;
  readonly sessionId: string;
  readonly credential: string;
  /** A service key and a person, as each node hears them. */
  admin(node: Node): Caller;
  human(node: Node): Caller;
}

export interface CastOptions {
  readonly tier?: string;
  readonly credential?: Readonly<Record<string, unknown>>;
  /** A new one unless it is named. */
  readonly tenant?: AppTenant;
}

let casts = 0;
const SECRET = 'sk-live-0123456789abcdef';

export async function newCast({ test }: TwoNodes, more: CastOptions = {}): Promise<Cast> {
  const tenant = more.tenant ?? (await test.newTenant());
  casts += 1;
  const agent = await test.newAgent(tenant, `agent-${casts}`, more.tier);
  const credential = `key-${casts}`;
  await storeCredential(tenant, credential, SECRET, { grantTo: [agent], more: more.credential ?? {} });
  const { body } = await tenant.admin<{ data: { id: string }[] }>('GET', `/v1/agents/${agent.id}/sessions`);
  const person = await signedIn(test, tenant.id, 'owner');
  return {
    tenant,
    agent,
    sessionId: String(body.data[0]?.id),
    credential,
    admin: (node) => callerOn(node.url, tenant.key),
    human: (node) => callerOn(node.url, person),
  };
}

/** A proof for one use; it is good on both nodes, once. */
export function proofOf({ first }: TwoNodes, { agent, credential }: Cast): Promise<string> {
  const htu = `${first.url}/v1/credentials/${credential}/execute`;
  return agent.proof({ htm: 'POST', htu, accessToken: agent.accessToken ?? '' });
}

export async function useOn(nodes: TwoNodes, node: Node, it: Cast, proof?: string): Promise<Answer> {
  const { agent, credential } = it;
  const there = new DpopAgent(node.url, agent.id, agent.apiKey, agent.key);
  there.accessToken = agent.accessToken;
  const request = { method: 'GET', url: `${UPSTREAM_URL}/`, headers: { authorization: 'Bearer {{CREDENTIAL}}' } };
  const dpop = proof ?? (await proofOf(nodes, it));
  return there.callOnce('POST', `/v1/credentials/${credential}/execute`, { dpop }, { purpose: 'race', request });
}

/** A use and its outcome, so that the next swap of the node is not this one's second. */
export async function settledUseOn(nodes: TwoNodes, node: Node, it: Cast): Promise<Answer> {
  const answer = await useOn(nodes, node, it);
  const intents = ({ entry }: StoredEntry) => entry.outcome === 'intent';
  const outcomes = ({ entry }: StoredEntry) => entry.action.endsWith('.outcome');
  await eventually(
    () => entriesOf(nodes.test.open, it.tenant.id),
    (entries) => entries.filter(intents).length === entries.filter(outcomes).length,
  );
  return answer;
}

/** What the chain says against the policy at each position, and the chain itself must be whole. */
export async function breachesIn({ test }: TwoNodes, { id }: Pick<AppTenant, 'id'>): Promise<readonly Breach[]> {
  const verdict = await verdictOn(test.open, id);
  if (verdict.verdict !== 'ok') throw new Error(`the chain is ${verdict.verdict}: ${verdict.reason}`);
  const oracle = new PolicyOracle();
  const entries = (await entriesOf(test.open, id)).map(({ entry }) => entry);
  for (const entry of entries) oracle.push(entry);
  proveBrakes(entries, oracle.breaches);
  return oracle.breaches;
}
