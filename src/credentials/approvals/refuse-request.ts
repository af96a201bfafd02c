import { Injectable } from '@nestjs/common';
import { RefuseSession } from '../../identity/refuse-session.js';
import { Acts } from '../../tenancy/acts.js';
import { actorOf, type Principal } from '../../tenancy/principal.js';
import { type ApprovalRow, findApproval } from './approvals.repository.js';
import { openApproval, settle } from './open-approval.js';
import { ReadApprovals, type SeenApproval } from './read-approvals.js';

/** Says no. That anybody may who may stop things at all, keys and the agent's own people too. */
@Injectable()
export class RefuseRequest {
  constructor(
    private readonly acts: Acts,
    private readonly read: ReadApprovals,
    private readonly refuseSession: RefuseSession,
  ) {}

  async execute(principal: Principal, id: string, reason: string | null): Promise<SeenApproval> {
    const refused = await this.acts.run(
      principal.tenantId,
      async (act) => {
        const { seen, decided } = await openApproval(act, this.read, id, 'refused');
        if (decided) return seen;
        const { row } = seen;
        if (row.sessionId !== null) await this.refuseSession.within(act, principal, row.sessionId, reason);
        else await settle(act, row, { state: 'refused', by: actorOf(principal), reason });
        const [now] = await this.read.seen(act.tx, [(await findApproval(act.tx, id)) as ApprovalRow]);
        return now as SeenApproval;
      },
      'control',
    );
    if (refused.row.sessionId !== null) this.refuseSession.cut(principal.tenantId, refused.row.sessionId);
    return refused;
  }
}
