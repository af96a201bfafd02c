import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { notFound } from '../platform/http/http.errors.js';
import { listSessionRows, type SessionRow } from './agent-sessions.repository.js';
import { findAgentRow } from './agents.repository.js';
import { renewalsLeft, type VisibleState, visibleState } from './session-rules.js';

/** A session as its tenant sees it. */
export interface SeenSession {
  readonly session: SessionRow;
  readonly state: VisibleState;
  readonly renewalsLeft: number;
}

export function seenSession(session: SessionRow, nowMs: number): SeenSession {
  return { session, state: visibleState(session, nowMs), renewalsLeft: renewalsLeft(session) };
}

/** The sessions of an agent, newest first. */
@Injectable()
export class ListSessions {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  async execute(
    tenantId: string,
    agentId: string,
    beforeId: string | undefined,
    limit: number,
  ): Promise<SeenSession[]> {
    const rows = await this.database.inTenant(
      tenantId,
      async (tx) => {
        if ((await findAgentRow(tx, agentId)) === undefined) throw notFound();
        return listSessionRows(tx, agentId, beforeId, limit);
      },
      { readOnly: true },
    );
    return rows.map((row) => seenSession(row, this.clock.now()));
  }
}
