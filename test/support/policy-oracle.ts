import type { AuditEntry } from '@chancery/protocol/audit-entry.js';
import { type Tier, TIER_RULES, tierAtLeast } from '@chancery/protocol/tiers.js';

/** A use whose entry does not say what the policy at its position says. */
export interface Breach {
  readonly seq: number;
  readonly stands: string;
  readonly due: string;
}

interface Credential {
  readonly name: string;
  minimumTier: Tier;
  version: number;
  readonly domains: Map<number, readonly string[]>;
}

type Details = Readonly<Record<string, unknown>>;
const text = (details: Details, key: string): string => String(details[key]);

/**
 * Reads a chain alone and knows at each position what a use must come to: which brakes are on, which sessions live, who
 * may use what. Written from the meaning of the entries, and from nothing of the server's own decision.
 */
export class PolicyOracle {
  readonly breaches: Breach[] = [];
  /** Uses that were looked at. */
  uses = 0;
  readonly #agents = new Map<string, { tier: Tier; active: boolean }>();
  readonly #sessions = new Map<string, string>();
  readonly #credentials = new Map<string, Credential>();
  readonly #grants = new Map<string, 'active' | 'suspended'>();
  readonly #brakes = new Map<string, Details>();
  readonly #proofs = new Set<string>();

  push(entry: AuditEntry): void {
    const details = entry.details as Details;
    if (entry.action === 'credential.use') this.#use(entry, details);
    else if (entry.action.startsWith('agent.')) this.#agent(entry.action, details);
    else if (entry.action.startsWith('session.')) this.#session(entry.action, details);
    else if (entry.action.startsWith('grant.')) this.#grant(entry.action, details);
    else if (entry.action.startsWith('brake.')) this.#brake(entry.action, details);
    else if (entry.action.startsWith('credential.')) this.#credential(entry, details);
  }

  #use({ seq, actor, outcome }: AuditEntry, details: Details): void {
    this.uses += 1;
    const stands = outcome === 'intent' ? `allowed by version ${text(details, 'version')}` : text(details, 'code');
    const proof = text(details, 'jti');
    const due = this.#proofs.has(proof)
      ? 'refused: the proof is spent'
      : this.#due(actor.slice('agent:'.length), details);
    this.#proofs.add(proof);
    if (stands !== due) this.breaches.push({ seq, stands, due });
  }

  /** The fixed order of the design, section 4. */
  #due(agentId: string, details: Details): string {
    const agent = this.#agents.get(agentId);
    if (this.#sessions.get(text(details, 'session')) !== agentId || agent?.active !== true)
      return 'refused: no session';
    const brakes = [...this.#brakes.values()];
    if (brakes.some(({ scope, agent: on }) => scope === 'tenant' || (scope === 'agent' && on === agentId)))
      return 'brake_active';
    const found = [...this.#credentials].find(([, { name }]) => name === details['name']);
    if (found === undefined) return 'credential_not_found';
    const [id, credential] = found;
    const grant = this.#grants.get(`${agentId}/${id}`);
    if (grant === undefined) return 'credential_not_found';
    if (brakes.some(({ scope, credential: on }) => scope === 'credential' && on === id)) return 'brake_active';
    if (grant === 'suspended' || !tierAtLeast(agent.tier, credential.minimumTier)) return 'tier_too_low';
    const host = new URL(text(details, 'url')).hostname;
    const domains = credential.domains.get(credential.version) ?? [];
    return domains.includes(host) ? `allowed by version ${credential.version}` : 'domain_not_allowed';
  }

  #agent(action: string, details: Details): void {
    const id = text(details, 'agent');
    const agent = this.#agents.get(id) ?? { tier: 'NOVICE', active: true };
    const to = details['to'] as Tier | undefined;
    this.#agents.set(id, { tier: to ?? agent.tier, active: stateAfter(action, agent.active) });
    const ends = action === 'agent.promote' && to !== undefined && TIER_RULES[to].humanApproval;
    if (ends || ['agent.suspend', 'agent.revoke', 'agent.api_key.replace'].includes(action)) {
      for (const [session, of] of this.#sessions) if (of === id) this.#sessions.delete(session);
    }
    for (const credential of (details['grants_suspended'] as string[] | undefined) ?? [])
      this.#grants.set(`${id}/${credential}`, 'suspended');
  }

  #session(action: string, details: Details): void {
    if (action === 'session.begin' || action === 'session.renew')
      this.#sessions.set(text(details, 'session'), text(details, 'agent'));
    if (action === 'session.revoke') this.#sessions.delete(text(details, 'session'));
  }

  #grant(action: string, details: Details): void {
    const key = `${text(details, 'agent')}/${text(details, 'credential')}`;
    if (action === 'grant.add') this.#grants.set(key, 'active');
    else this.#grants.delete(key);
  }

  #brake(action: string, details: Details): void {
    if (action === 'brake.activate') this.#brakes.set(text(details, 'brake'), details);
    else this.#brakes.delete(text(details, 'brake'));
  }

  #credential({ action, outcome }: AuditEntry, details: Details): void {
    const id = text(details, 'credential');
    const version = details['version'] as number;
    const domains = details['allowed_domains'] as string[];
    const credential = this.#credentials.get(id);
    if (action === 'credential.store') {
      const minimumTier = details['minimum_tier'] as Tier;
      const name = text(details, 'name');
      this.#credentials.set(id, { name, minimumTier, version, domains: new Map([[version, domains]]) });
    }
    if (credential === undefined) return;
    if (action === 'credential.rotate') {
      credential.domains.set(version, credential.domains.get(credential.version) ?? []);
      credential.version = version;
    }
    if (action === 'credential.bind.outcome' && outcome === 'success') {
      credential.domains.set(version, domains);
      credential.version = version;
    }
    if (action === 'credential.tier') credential.minimumTier = details['to'] as Tier;
    if (action === 'credential.delete') {
      this.#credentials.delete(id);
      for (const key of this.#grants.keys()) if (key.endsWith(`/${id}`)) this.#grants.delete(key);
    }
  }
}

function stateAfter(action: string, active: boolean): boolean {
  if (action === 'agent.suspend' || action === 'agent.revoke') return false;
  return action === 'agent.reinstate' ? true : active;
}
