import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { notFound } from '../platform/http/http.errors.js';
import { type AgentRow, findAgentRow, listAgentRows } from './agents.repository.js';
import type { SeenAgent } from './change-agent.js';
import { GrantLimits } from './grant-limits.js';

/** A tenant's agents, oldest first, with the number of credentials each may use. */
@Injectable()
export class ReadAgents {
  constructor(
    private readonly database: TenantDatabase,
    private readonly grants: GrantLimits,
  ) {}

  list(tenantId: string, afterId: string | undefined, limit: number): Promise<SeenAgent[]> {
    const read = async (tx: TenantTx) => this.#seen(tx, await listAgentRows(tx, afterId, limit));
    return this.database.inTenant(tenantId, read, { readOnly: true });
  }

  show(tenantId: string, id: string): Promise<SeenAgent> {
    const read = async (tx: TenantTx) => {
      const agent = await findAgentRow(tx, id);
      const [seen] = agent === undefined ? [] : await this.#seen(tx, [agent]);
      if (seen === undefined) throw notFound();
      return seen;
    };
    return this.database.inTenant(tenantId, read, { readOnly: true });
  }

  async #seen(tx: TenantTx, agents: readonly AgentRow[]): Promise<SeenAgent[]> {
    if (agents.length === 0) return [];
    const granted = await this.grants.countActive(
      tx,
      agents.map(({ id }) => id),
    );
    return agents.map((agent) => ({ agent, granted: granted.get(agent.id) ?? 0 }));
  }
}
