import { Injectable } from '@nestjs/common';
import { TIER_RULES } from '@chancery/protocol/tiers.js';
import { FindAgent, type KnownAgent } from '../identity/find-agent.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { type Act, Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { credentialNotFound, grantLimitReached } from './credentials.errors.js';
import { findCredential } from './credentials.repository.js';
import {
  activeGrantsOf,
  deleteGrant,
  findGrant,
  type GrantRow,
  insertGrant,
  listGrantsOn,
  setGrantState,
} from './grants.repository.js';

export interface GrantView {
  readonly agent: KnownAgent;
  readonly grant: GrantRow;
}

/** Which agents may use a credential. An agent holds at most its tier's number of active grants. */
@Injectable()
export class GrantAccess {
  constructor(
    private readonly database: TenantDatabase,
    private readonly acts: Acts,
    private readonly findAgent: FindAgent,
    private readonly inFlight: InFlightCalls,
  ) {}

  list(tenantId: string, name: string, afterAgentId: string | undefined, limit: number): Promise<GrantView[]> {
    return this.database.inTenant(tenantId, async (tx) => {
      const credential = await findCredential(tx, name);
      if (credential === undefined) throw credentialNotFound();
      const rows = await listGrantsOn(tx, credential.id, afterAgentId, limit);
      const agents = new Map(
        (
          await this.findAgent.several(
            tx,
            rows.map((row) => row.agentId),
          )
        ).map((agent) => [agent.id, agent]),
      );
      return rows.map((grant) => ({ grant, agent: agents.get(grant.agentId) as KnownAgent }));
    });
  }

  /** Granting what is granted changes nothing; a suspended grant becomes active again when the tier has room. */
  grant(principal: Principal, name: string, agentId: string): Promise<GrantView> {
    return this.acts.run(principal.tenantId, (act) => this.within(act, principal, name, agentId));
  }

  /** Inside somebody's act: an approved request for access is a door to this too. */
  async within({ tx, chain, nowMs }: Act, principal: Principal, name: string, agentId: string): Promise<GrantView> {
    const credential = await findCredential(tx, name);
    if (credential === undefined) throw credentialNotFound();
    const agent = await this.findAgent.execute(tx, agentId);
    if (agent === undefined || agent.state === 'revoked') throw notFound();
    const existing = await findGrant(tx, agentId, credential.id);
    if (existing?.state === 'active') return { agent, grant: existing };
    const limit = TIER_RULES[agent.tier].credentialsLimit;
    if (limit !== null && (await activeGrantsOf(tx, agentId)).length >= limit)
      throw grantLimitReached(agent.tier, limit);
    const actor = actorOf(principal);
    const fresh = {
      agentId,
      credentialId: credential.id,
      state: 'active',
      grantedAt: new Date(nowMs),
      grantedBy: actor,
    } as const;
    if (existing === undefined) await insertGrant(tx, fresh);
    else await setGrantState(tx, agentId, [credential.id], 'active');
    const details = { credential: publicId('crd', credential.id), name, agent: publicId('agt', agentId) };
    await chain.append({ actor, action: 'grant.add', outcome: 'success', details });
    return {
      agent,
      grant: existing === undefined ? { ...fresh, tenantId: tx.tenantId } : { ...existing, state: 'active' },
    };
  }

  async revoke(principal: Principal, name: string, agentId: string): Promise<void> {
    const credentialId = await this.acts.run(
      principal.tenantId,
      async ({ tx, chain }) => {
        const credential = await findCredential(tx, name);
        if (credential === undefined) throw credentialNotFound();
        if ((await findGrant(tx, agentId, credential.id)) === undefined) throw notFound();
        await deleteGrant(tx, agentId, credential.id);
        const details = { credential: publicId('crd', credential.id), name, agent: publicId('agt', agentId) };
        await chain.append({ actor: actorOf(principal), action: 'grant.remove', outcome: 'success', details });
        return credential.id;
      },
      'control',
    );
    this.inFlight.cut({ tenantId: principal.tenantId, agentId, credentialId }, 'deleted');
  }
}
