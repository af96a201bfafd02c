import { type AppTenant, expectStatus } from '../support/app.js';
import { DpopAgent } from '../support/dpop-agent.js';
import type { Fleet, FleetNode } from '../support/fleet/fleet.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import { type Caller, callerOn, signedIn } from '../support/identity.js';
import type { AskedUse, SeenUse, UseDoor, UseOptions } from '../support/use-door.js';

export const reason = 'test';
export const at = (target: string): string => `https://${H}${target}`;

/** Who makes the canary's traffic, what they gave the server, and what it told them. */
export class CanaryCast {
  /** What came back, whole. */
  readonly answers: string[] = [];
  #secrets = 0;

  private constructor(
    readonly fleet: Fleet,
    readonly node: FleetNode,
    readonly tenant: AppTenant,
    /** A person who asked for nothing, and may say yes. */
    readonly approver: Caller,
    readonly agent: DpopAgent,
    private readonly marker: string,
  ) {}

  static async of(fleet: Fleet, node: FleetNode, marker: string): Promise<CanaryCast> {
    const tenant = await fleet.newTenant(node);
    const made = await tenant.admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name: 'canary' });
    expectStatus(made, 201);
    expectStatus(await tenant.human('POST', `/v1/agents/${made.body.id}/promote`, { tier: 'GUARDIAN', reason }), 200);
    const agent = new DpopAgent(node.process.at.tenant, made.body.id, made.body.api_key);
    expectStatus(await agent.token(), 200);
    const approver = callerOn(node.process.at.tenant, await signedIn(fleet, tenant.id, 'approver'));
    return new CanaryCast(fleet, node, tenant, approver, agent, marker);
  }

  /** How many secrets were given to the server. */
  get sent(): number {
    return this.#secrets;
  }

  /** One more, that no other credential has. */
  secret(): string {
    this.#secrets += 1;
    return `sk${this.#secrets}${this.marker}end`;
  }

  /** Stores a credential for the agent; `secret` is its `value` or its `fields`, and whatever else is said of it. */
  async store(name: string, secret: Readonly<Record<string, unknown>>): Promise<void> {
    const stored = await this.tenant.admin('POST', '/v1/credentials', { name, ...secret, allowed_domains: [H] });
    expectStatus(stored, 201);
    this.note(stored);
    expectStatus(await this.tenant.admin('PUT', `/v1/credentials/${name}/grants/${this.agent.id}`), 200);
  }

  async use(door: UseDoor, name: string, asked: AskedUse = {}, options: UseOptions = {}): Promise<SeenUse> {
    const seen = await door.use(this.agent, name, asked, options);
    const { status, code, headers, body, reason: text } = seen;
    this.answers.push(JSON.stringify([door.name, asked.url, status, code, text, headers]), body.toString('latin1'));
    return seen;
  }

  note({ status, headers, body }: { status: number; headers?: Headers; body: unknown }): void {
    this.answers.push(JSON.stringify([status, [...(headers ?? [])], body]));
  }
}
