import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../../platform/http/fields.js';
import { Cursors } from '../../platform/http/pagination.js';
import { Returns } from '../../platform/http/returns.js';
import { OnSurface } from '../../platform/http/surface.js';
import { Allow, BRAKERS, Caller, HUMANS, READERS, SIGNED_IN } from '../../tenancy/access.js';
import type { Principal } from '../../tenancy/principal.js';
import {
  approvalList,
  approvalsQuery,
  approvalView,
  decisionBody,
  showView,
  viewApproval,
  viewOwn,
  viewShown,
} from './approvals.schema.js';
import { ApproveRequest } from './approve-request.js';
import { ReadApprovals } from './read-approvals.js';
import { RefuseRequest } from './refuse-request.js';

const approvalId = { schema: idField('apr') };

@Controller('v1/approvals')
@OnSurface('tenant')
export class ApprovalsController {
  constructor(
    private readonly read: ReadApprovals,
    private readonly approveRequest: ApproveRequest,
    private readonly refuseRequest: RefuseRequest,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Allow(READERS)
  @Returns(approvalList, { summary: 'What waits for a person, and what was decided, newest first' })
  async list(
    @Caller() { tenantId }: Principal,
    @Query({ schema: approvalsQuery }) { limit, cursor, state, kind }: z.output<typeof approvalsQuery>,
  ) {
    const scope = { tenantId, list: `approvals/${state ?? ''}/${kind ?? ''}` };
    const beforeId = cursor === undefined ? undefined : this.cursors.open<string>(scope, cursor);
    const rows = await this.read.list(tenantId, { state, kind, beforeId, limit: limit + 1 });
    return this.cursors.page(rows, { limit, scope, position: ({ row }) => row.id, view: viewApproval });
  }

  @Get(':id')
  @Allow(SIGNED_IN)
  @Returns(showView, { summary: 'One approval with exactly what would be sent; the agent that asked sees its state' })
  async show(@Caller() principal: Principal, @Param('id', approvalId) id: string) {
    const shown = await this.read.show(principal, id);
    return principal.kind === 'agent' ? viewOwn(shown) : viewShown(shown);
  }

  @Post(':id/approve')
  @Allow(HUMANS)
  @Returns(approvalView, { summary: 'Say yes (a human act, and nobody’s own request)' })
  async approve(
    @Caller() principal: Principal,
    @Param('id', approvalId) id: string,
    @Body({ schema: decisionBody }) body: z.output<typeof decisionBody>,
  ) {
    return viewApproval(await this.approveRequest.execute(principal, id, body?.reason ?? null));
  }

  @Post(':id/refuse')
  @Allow(BRAKERS)
  @Returns(approvalView, { summary: 'Say no' })
  async refuse(
    @Caller() principal: Principal,
    @Param('id', approvalId) id: string,
    @Body({ schema: decisionBody }) body: z.output<typeof decisionBody>,
  ) {
    return viewApproval(await this.refuseRequest.execute(principal, id, body?.reason ?? null));
  }
}
