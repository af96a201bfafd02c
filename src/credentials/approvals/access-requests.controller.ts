import { Body, Controller, Post } from '@nestjs/common';
import type { z } from 'zod';
import { Idempotent } from '../../platform/http/idempotent.js';
import { Returns } from '../../platform/http/returns.js';
import { OnSurface } from '../../platform/http/surface.js';
import { AGENTS, Allow, Caller } from '../../tenancy/access.js';
import type { AgentPrincipal } from '../../tenancy/principal.js';
import { accessBody, ownApprovalView, viewPending } from './approvals.schema.js';
import { RequestAccess } from './request-access.js';

@Controller('v1/access-requests')
@OnSurface('tenant')
export class AccessRequestsController {
  constructor(private readonly requestAccess: RequestAccess) {}

  @Post()
  @Allow(AGENTS)
  @Idempotent()
  @Returns(ownApprovalView, {
    status: 201,
    summary: 'Ask people for the use of a credential, whether there is one or not',
  })
  async ask(@Caller() principal: AgentPrincipal, @Body({ schema: accessBody }) body: z.output<typeof accessBody>) {
    return viewPending(await this.requestAccess.execute(principal, body.credential_name, body.reason), 'access');
  }
}
