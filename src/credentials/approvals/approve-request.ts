import { Injectable } from '@nestjs/common';
import { ApproveSession } from '../../identity/approve-session.js';
import { FindAgent } from '../../identity/find-agent.js';
import { assertNotOwn } from '../../identity/own-request.js';
import { notFound } from '../../platform/http/http.errors.js';
import { type Act, Acts } from '../../tenancy/acts.js';
import { actorOf, type Principal } from '../../tenancy/principal.js';
import { GrantAccess } from '../grant-access.js';
import { type ApprovalRow, findApproval } from './approvals.repository.js';
import { openApproval, settle } from './open-approval.js';
import { ReadApprovals, type SeenApproval } from './read-approvals.js';

/**
 * A person says yes: to one use, exactly as it was shown; to the next token of a SACRED agent; to a grant. Nobody says it
 * to themselves. Saying it twice changes nothing.
 */
@Injectable()
export class ApproveRequest {
  constructor(
    private readonly acts: Acts,
    private readonly read: ReadApprovals,
    private readonly findAgent: FindAgent,
    private readonly approveSession: ApproveSession,
    private readonly grantAccess: GrantAccess,
  ) {}

  execute(principal: Principal, id: string, reason: string | null): Promise<SeenApproval> {
    return this.acts.run(principal.tenantId, async (act) => {
      const { seen, decided } = await openApproval(act, this.read, id, 'approved');
      if (decided) return seen;
      const agent = await this.findAgent.execute(act.tx, seen.row.agentId);
      if (agent === undefined) throw notFound();
      assertNotOwn(principal, agent);
      await this.#carryOut(act, principal, seen.row, reason);
      const [now] = await this.read.seen(act.tx, [(await findApproval(act.tx, id)) as ApprovalRow]);
      return now as SeenApproval;
    });
  }

  async #carryOut(act: Act, principal: Principal, row: ApprovalRow, reason: string | null): Promise<void> {
    // The session settles its own place in the list, by whichever door the person came.
    if (row.sessionId !== null) return void (await this.approveSession.within(act, principal, row.sessionId, reason));
    if (row.kind === 'access') await this.grantAccess.within(act, principal, row.credentialName ?? '', row.agentId);
    await settle(act, row, { state: 'approved', by: actorOf(principal), reason });
  }
}
