import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppTenant, execute, UPSTREAM_URL } from '../app.js';
import type { DpopAgent } from '../dpop-agent.js';

const PAUSE_MS = 20;
/** After a refusal: a service that is down is asked again, not drowned. */
const REFUSED_PAUSE_MS = 100;
const LANES_PER_AGENT = 5;

/** A use whose answer named its intent: from then on that is in the chain, whatever happens. */
export interface AnsweredUse {
  readonly call: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly seq: number;
  readonly hash: string;
}

/** An administrative act, and its answer's id once there was one. */
export interface Deed {
  readonly tenant: AppTenant;
  readonly path: '/v1/agents' | '/v1/brakes';
  readonly body: Readonly<Record<string, string>>;
  readonly key: string;
  id: string | null;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> | null;
}

export interface Crew {
  readonly tenant: AppTenant;
  readonly agents: readonly DpopAgent[];
}

/** Many agents that use a credential, and a tenant's service that makes agents and brakes, until told to stop. */
export class Traffic {
  /** Answered 200. */
  readonly acknowledged: AnsweredUse[] = [];
  /** Cut while under way: whether it reached the upstream is open. */
  readonly cut: AnsweredUse[] = [];
  readonly deeds: Deed[] = [];
  /** How often each answer came: status and code. */
  readonly answers = new Map<string, number>();
  /** Answers that no crash excuses. */
  readonly wrong: unknown[] = [];
  inFlight = 0;
  /** The longest that anybody waited for an answer. */
  slowestMs = 0;
  #stopped = false;
  readonly #lanes: Promise<void>[] = [];

  /** `timeoutMs`: how long the upstream may take. */
  constructor(
    crews: readonly Crew[],
    private readonly timeoutMs = 5_000,
  ) {
    for (const { tenant, agents } of crews) {
      for (const agent of agents) {
        for (let lane = 0; lane < LANES_PER_AGENT; lane++) this.#lanes.push(this.#use(tenant, agent));
      }
      this.#lanes.push(this.#administer(tenant));
    }
  }

  /** Resolves when everything was answered, or lost its connection. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
  }

  async #use(tenant: AppTenant, agent: DpopAgent): Promise<void> {
    while (!this.#stopped) {
      const call = randomUUID();
      this.inFlight += 1;
      const answer = await this.#answered(
        execute(agent, 'key', { url: `${UPSTREAM_URL}/${call}` }, { purpose: call, timeout_ms: this.timeoutMs }),
      );
      this.inFlight -= 1;
      const status = this.#note(answer);
      const audit = answer?.body?.audit as { seq: number; hash: string } | undefined;
      if (audit !== undefined) {
        const uses = status === 200 ? this.acknowledged : this.cut;
        uses.push({ call, tenantId: tenant.id, agentId: agent.id, ...audit });
      }
      if (status !== 200) await sleep(REFUSED_PAUSE_MS);
    }
  }

  async #administer(tenant: AppTenant): Promise<void> {
    while (!this.#stopped) {
      const made = await this.#do(tenant, '/v1/agents', { name: `made-${randomUUID()}` });
      if (made !== null && !this.#stopped) {
        await this.#do(tenant, '/v1/brakes', { scope: 'agent', agent_id: made, reason: 'a crash is coming' });
      }
      await sleep(made === null ? REFUSED_PAUSE_MS : PAUSE_MS);
    }
  }

  async #do(tenant: AppTenant, path: Deed['path'], body: Deed['body']): Promise<string | null> {
    const deed: Deed = { tenant, path, body, key: randomUUID(), id: null };
    this.deeds.push(deed);
    const answer = await this.#answered(tenant.admin('POST', path, body, { 'idempotency-key': deed.key }));
    if (this.#note(answer) === 201) deed.id = String(answer?.body?.id);
    return deed.id;
  }

  /** 200 and 201, a 503 that says when to come back, a call that was cut, or a connection that broke: nothing else is right. */
  #note(answer: Answer | null): number {
    const { status = 0, body, headers } = answer ?? {};
    const kind = status === 0 ? 'connection lost' : status < 300 ? String(status) : `${status} ${String(body?.code)}`;
    this.answers.set(kind, (this.answers.get(kind) ?? 0) + 1);
    const unavailable = status === 503 && (headers?.has('retry-after') === true || body?.code === 'call_cut');
    const excused = status === 0 || status < 300 || unavailable;
    if (!excused) this.wrong.push({ status, body });
    return status;
  }

  async #answered(call: Promise<Answer>): Promise<Answer | null> {
    const startedAt = performance.now();
    try {
      return await call;
    } catch {
      return null;
    } finally {
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
    }
  }
}
