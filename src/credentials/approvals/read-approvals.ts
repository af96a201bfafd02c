import { Injectable } from '@nestjs/common';
import { spentApprovals } from '../../audit/spent-approvals.js';
import { FindAgent } from '../../identity/find-agent.js';
import { Clock } from '../../platform/clock.js';
import { TenantDatabase } from '../../platform/database/tenant-database.js';
import type { TenantTx } from '../../platform/database/tenant-tx.js';
import { notFound } from '../../platform/http/http.errors.js';
import type { Principal } from '../../tenancy/principal.js';
import { type ApprovalState, stateAt, type UseApproval } from './approval.js';
import { approvalKey, useApprovals } from './approvals-policy.js';
import { type ApprovalPage, type ApprovalRow, findApproval, listApprovals } from './approvals.repository.js';
import type { RequestPreview } from './request-image.js';
import { SealedPreview } from './sealed-preview.js';

/** An approval as people see it in a list: without what would be sent. */
export interface SeenApproval {
  readonly row: ApprovalRow;
  readonly agentName: string;
  readonly state: ApprovalState;
  /** The position of the intent that used it. */
  readonly usedSeq: number | null;
}

export interface ShownApproval extends SeenApproval {
  readonly request: RequestPreview | null;
}

/** What waits for people, and what they said. */
@Injectable()
export class ReadApprovals {
  constructor(
    private readonly database: TenantDatabase,
    private readonly findAgent: FindAgent,
    private readonly sealed: SealedPreview,
    private readonly clock: Clock,
  ) {}

  list(tenantId: string, page: ApprovalPage): Promise<SeenApproval[]> {
    const now = new Date(this.clock.now());
    return this.database.inTenant(tenantId, async (tx) => this.seen(tx, await listApprovals(tx, page, now)), {
      readOnly: true,
    });
  }

  /** With what would be sent. To an agent, what is another's does not exist. Throws `vault_sealed`. */
  async show(principal: Principal, id: string): Promise<ShownApproval> {
    const [found] = await this.database.inTenant(
      principal.tenantId,
      async (tx) => {
        const row = await findApproval(tx, id);
        const hidden = principal.kind === 'agent' && row?.agentId !== principal.id;
        return row === undefined || hidden ? [] : this.seen(tx, [row]);
      },
      { readOnly: true },
    );
    if (found === undefined) throw notFound();
    return { ...found, request: principal.kind === 'agent' ? null : await this.sealed.open(found.row) };
  }

  /** What a decision needs of an approval that is not open any more. */
  known(tenantId: string, id: string): Promise<UseApproval | undefined> {
    return this.database.inTenant(
      tenantId,
      async (tx) => {
        const row = await findApproval(tx, id);
        return row?.kind === 'use' ? (await useApprovals(tx, [row]))[0] : undefined;
      },
      { readOnly: true },
    );
  }

  async seen(tx: TenantTx, rows: readonly ApprovalRow[]): Promise<SeenApproval[]> {
    const agents = await this.findAgent.several(tx, [...new Set(rows.map(({ agentId }) => agentId))]);
    const names = new Map(agents.map(({ id, name }) => [id, name]));
    const uses = rows.filter(({ kind, state }) => kind === 'use' && state === 'approved');
    const spent = await spentApprovals(
      tx,
      uses.map(({ id }) => approvalKey(id)),
    );
    const nowMs = this.clock.now();
    return rows.map((row) => {
      const usedSeq = spent.get(approvalKey(row.id)) ?? null;
      const facts = { ...row, expiresAtMs: row.expiresAt.getTime(), used: usedSeq !== null };
      return { row, agentName: names.get(row.agentId) ?? '', state: stateAt(facts, nowMs), usedSeq };
    });
  }
}
