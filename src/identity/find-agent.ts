import { Injectable } from '@nestjs/common';
import { and, eq, inArray } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { agents } from './agents.table.js';

export interface KnownAgent {
  readonly id: string;
  readonly name: string;
  readonly tier: (typeof agents.$inferSelect)['tier'];
  readonly state: (typeof agents.$inferSelect)['state'];
  readonly keyHolders: readonly string[];
}

const KNOWN = {
  id: agents.id,
  name: agents.name,
  tier: agents.tier,
  state: agents.state,
  keyHolders: agents.keyHolders,
};

/** What the rooms above may ask about agents, inside their own transaction. */
@Injectable()
export class FindAgent {
  async execute(tx: TenantTx, id: string): Promise<KnownAgent | undefined> {
    return (await this.several(tx, [id]))[0];
  }

  async several(tx: TenantTx, ids: readonly string[]): Promise<KnownAgent[]> {
    if (ids.length === 0) return [];
    return tx.db
      .select(KNOWN)
      .from(agents)
      .where(and(eq(agents.tenantId, tx.tenantId), inArray(agents.id, [...ids])));
  }
}
