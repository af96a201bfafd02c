import { randomBytes } from 'node:crypto';
import { readEntries } from '../../src/audit/audit.repository.js';
import { Committers } from '../../src/audit/committers.js';
import { ActivateBrake, type ActivateBrakeInput } from '../../src/brakes/activate-brake.js';
import { activeBrakes } from '../../src/brakes/brakes-policy.js';
import { ClearBrake } from '../../src/brakes/clear-brake.js';
import { FollowUses } from '../../src/identity/behaviour/follow-uses.js';
import { findSession } from '../../src/identity/agent-sessions.repository.js';
import { OpenSession } from '../../src/identity/open-session.js';
import { ReinstateAgent } from '../../src/identity/reinstate-agent.js';
import { RevokeSession } from '../../src/identity/revoke-session.js';
import { SuspendAgent } from '../../src/identity/suspend-agent.js';
import { ProblemError } from '../../src/platform/http/problem.js';
import { newUuid, storedId } from '../../src/platform/ids.js';
import { Outbound } from '../../src/platform/outbound/outbound.js';
import { ExecuteCredential } from '../../src/proxy/execute-credential.js';
import type { AgentPrincipal, MemberPrincipal } from '../../src/tenancy/principal.js';
import { storeCredential, UPSTREAM_URL } from './app.js';
import { proveBrakes } from './brake-proofs.js';
import { type Breach, PolicyOracle } from './policy-oracle.js';
import { StepScheduler } from './step-scheduler.js';
import type { Node, TwoNodes } from './two-nodes.js';

/** One thing somebody does on one node. `agent` and `credential` are 0 or 1. */
export type Operation = { readonly node: 0 | 1 } & (
  | { readonly kind: 'use'; readonly agent: number; readonly credential: number; readonly again: boolean }
  | { readonly kind: 'pull' | 'clear'; readonly scope: 'tenant' | 'agent' | 'credential'; readonly which: number }
  | { readonly kind: 'suspend' | 'reinstate' | 'end session'; readonly agent: number }
);

/** An operation begins, or something that waits on a node goes on: see `Cue`. */
export type Act = Operation | { readonly kind: 'go on'; readonly node: 0 | 1; readonly which: number };

interface Actor {
  readonly id: string;
  sessionId: string;
}

const NODES = ['first', 'second'] as const;
const CREDENTIALS = ['key-0', 'key-1'];
const reason = 'model';

/** Two nodes, one tenant, two agents and two credentials, and whatever is done to them in whatever order. */
export class RaceModel {
  readonly #scheduler = new StepScheduler();
  readonly #oracle = new PolicyOracle();
  #readTo = 0;
  #proof = '';
  /** Brakes whose proof was read. */
  brakes = 0;

  private constructor(
    private readonly nodes: TwoNodes,
    private readonly person: MemberPrincipal,
    private readonly agents: readonly Actor[],
  ) {}

  static async create(nodes: TwoNodes): Promise<RaceModel> {
    const tenant = await nodes.test.newTenant();
    const made = [await nodes.test.newAgent(tenant, 'agent-0'), await nodes.test.newAgent(tenant, 'agent-1')];
    for (const name of CREDENTIALS) await storeCredential(tenant, name, 'sk-live-0123456789abcdef', { grantTo: made });
    const agents = made.map(({ id }) => ({ id: storedId('agt', id) ?? '', sessionId: newUuid() }));
    const person = { kind: 'member', tenantId: tenant.id, id: newUuid(), role: 'owner', name: 'somebody' } as const;
    const model = new RaceModel(nodes, { ...person, sessionId: newUuid(), factorAtMs: Date.now() }, agents);
    for (const name of NODES) {
      const node = nodes[name];
      // The upstream is not what is raced; everything up to its door is.
      const answer = { status: 200, statusText: 'OK', headers: [], body: Buffer.from('{}') };
      jest.spyOn(node.app.get(Outbound, { strict: false }), 'send').mockImplementation(async () => answer);
      // Who follows the chain would take part in the play, uninvited and a second late.
      jest.spyOn(node.app.get(FollowUses, { strict: false }), 'execute').mockResolvedValue(0);
      model.#scheduler.control(node.app, name, tenant.id);
    }
    return model;
  }

  /** What the last run did, step by step. */
  get log(): readonly string[] {
    return this.#scheduler.log;
  }

  get uses(): number {
    return this.#oracle.uses;
  }

  /** Nobody braked, nobody suspended, everybody in session; with `anew`, in a session that no node has heard of. */
  async reset(anew: boolean): Promise<void> {
    const { first, test } = this.nodes;
    const brakes = await test.open.tenants.inTenant(this.person.tenantId, activeBrakes);
    for (const { id } of brakes) await get(first, ClearBrake).execute(this.person, id, { reason });
    for (const agent of this.agents) await this.#enter(first, agent, anew);
    this.#proof = randomBytes(32).toString('hex');
    await this.#newBreaches();
  }

  /** Plays the acts in their order, and says what the chain then says wrongly. */
  async run(acts: readonly Act[]): Promise<readonly Breach[]> {
    const results: unknown[] = [];
    await this.#scheduler.play(
      acts.map((act) => {
        if (act.kind === 'go on') return { node: NODES[act.node], which: act.which };
        return async () => {
          results.push(await this.#perform(act).catch((error: unknown) => error));
        };
      }),
    );
    const isFault = (result: unknown): result is Error =>
      result instanceof Error && !(result instanceof ProblemError && result.spec.status !== 500);
    const fault = results.find(isFault);
    if (fault !== undefined) throw fault;
    for (const name of NODES) await get(this.nodes[name], Committers).drainAll();
    return this.#newBreaches();
  }

  #perform(operation: Operation): Promise<unknown> {
    const node = this.nodes[NODES[operation.node]];
    switch (operation.kind) {
      case 'use':
        return this.#use(node, operation);
      case 'pull':
        return get(node, ActivateBrake).execute(this.person, this.#target(operation));
      case 'clear':
        return this.#clear(node, operation);
      case 'suspend':
        return get(node, SuspendAgent).execute(this.person, this.#agent(operation.agent).id, reason);
      case 'reinstate':
        return this.#enter(node, this.#agent(operation.agent), false);
      case 'end session':
        return get(node, RevokeSession).execute(this.person, this.#agent(operation.agent).sessionId);
    }
  }

  #use(node: Node, { agent, credential, again }: Extract<Operation, { kind: 'use' }>): Promise<unknown> {
    const { id, sessionId } = this.#agent(agent);
    if (!again) this.#proof = randomBytes(32).toString('hex');
    const { tenantId } = this.person;
    const scopes = ['use:credential'];
    const principal: AgentPrincipal = { kind: 'agent', tenantId, id, sessionId, scopes, proofId: this.#proof };
    const request = { method: 'GET', url: `${UPSTREAM_URL}/`, headers: { authorization: 'Bearer {{CREDENTIAL}}' } };
    const asked = { credentialName: CREDENTIALS[credential] ?? '', purpose: reason, request, version: undefined };
    return get(node, ExecuteCredential).execute(principal, {
      ...asked,
      timeoutMs: 5_000,
      gone: new AbortController().signal,
    });
  }

  #target({ scope, which }: Extract<Operation, { kind: 'pull' | 'clear' }>): ActivateBrakeInput {
    if (scope === 'agent') return { scope, reason, agentId: this.#agent(which).id };
    return scope === 'credential' ? { scope, reason, credentialName: CREDENTIALS[which] ?? '' } : { scope, reason };
  }

  /** Whichever brake of that scope is on. */
  async #clear(node: Node, { scope }: Extract<Operation, { kind: 'pull' | 'clear' }>): Promise<void> {
    const on = await this.nodes.test.open.tenants.inTenant(this.person.tenantId, activeBrakes);
    const brake = on.find((one) => one.scope === scope);
    if (brake !== undefined) await get(node, ClearBrake).execute(this.person, brake.id, { reason });
  }

  /** Reinstated if need be, and with a session if the last one is over. */
  async #enter(node: Node, agent: Actor, anew: boolean): Promise<void> {
    const { tenantId } = this.person;
    const { agent: row } = await get(node, ReinstateAgent).execute(this.person, agent.id, reason);
    const open = this.nodes.test.open.tenants;
    const last = await open.inTenant(tenantId, (tx) => findSession(tx, agent.sessionId));
    if (last?.revokedAt === null && !anew) return;
    if (last?.revokedAt === null) await get(node, RevokeSession).execute(this.person, last.id);
    const opened = await get(node, OpenSession).execute(tenantId, row, randomBytes(32).toString('base64url'));
    // Suspended again in the meantime: then there is none, and the last one stays over.
    if (opened.kind === 'open') agent.sessionId = opened.session.id;
  }

  #agent(which: number): Actor {
    const agent = this.agents[which];
    if (agent === undefined) throw new Error(`there is no agent ${which}`);
    return agent;
  }

  async #newBreaches(): Promise<readonly Breach[]> {
    const known = this.#oracle.breaches.length;
    const page = { afterSeq: this.#readTo, order: 'asc', limit: 100_000 } as const;
    const entries = await this.nodes.test.open.tenants.inTenant(this.person.tenantId, (tx) => readEntries(tx, page));
    for (const { entry } of entries) this.#oracle.push(entry);
    this.#readTo = entries.at(-1)?.entry.seq ?? this.#readTo;
    const breaches = this.#oracle.breaches.slice(known);
    this.brakes += proveBrakes(
      entries.map(({ entry }) => entry),
      breaches,
    );
    return breaches;
  }
}

function get<T>(node: Node, what: abstract new (...given: never[]) => T): T {
  return node.app.get(what as never, { strict: false }) as T;
}
