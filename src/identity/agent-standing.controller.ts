import { Body, Controller, Param, Post } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { Allow, BRAKERS, Caller, HUMANS, STOPPERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { agentView, reasonBody, tierBody, viewAgent } from './agents.schema.js';
import { DemoteAgent } from './demote-agent.js';
import { PromoteAgent } from './promote-agent.js';
import { ReinstateAgent } from './reinstate-agent.js';
import { RevokeAgent } from './revoke-agent.js';
import { SuspendAgent } from './suspend-agent.js';

const agentId = idField('agt');
type TierBody = z.output<typeof tierBody>;
type ReasonBody = z.output<typeof reasonBody>;

/** Where an agent stands: its tier, and whether it may work at all. What gives trust is a human act. */
@Controller('v1/agents/:id')
@OnSurface('tenant')
export class AgentStandingController {
  constructor(
    private readonly promoteAgent: PromoteAgent,
    private readonly demoteAgent: DemoteAgent,
    private readonly suspendAgent: SuspendAgent,
    private readonly reinstateAgent: ReinstateAgent,
    private readonly revokeAgent: RevokeAgent,
  ) {}

  @Post('promote')
  @Allow(HUMANS)
  @Returns(agentView, { summary: 'Raise the tier (a human act)' })
  async promote(
    @Caller() principal: Principal,
    @Param('id', { schema: agentId }) id: string,
    @Body({ schema: tierBody }) { tier, reason }: TierBody,
  ) {
    return viewAgent(await this.promoteAgent.execute(principal, id, tier, reason));
  }

  @Post('demote')
  @Allow(STOPPERS)
  @Returns(agentView, { summary: 'Lower the tier; the newest grants above its number are suspended' })
  async demote(
    @Caller() principal: Principal,
    @Param('id', { schema: agentId }) id: string,
    @Body({ schema: tierBody }) { tier, reason }: TierBody,
  ) {
    return viewAgent(await this.demoteAgent.execute(principal, id, tier, reason));
  }

  @Post('suspend')
  @Allow(BRAKERS)
  @Returns(agentView, { summary: 'Stop an agent at once: sessions end, calls are cut' })
  async suspend(
    @Caller() principal: Principal,
    @Param('id', { schema: agentId }) id: string,
    @Body({ schema: reasonBody }) { reason }: ReasonBody,
  ) {
    return viewAgent(await this.suspendAgent.execute(principal, id, reason));
  }

  @Post('reinstate')
  @Allow(HUMANS)
  @Returns(agentView, { summary: 'Let a suspended agent work again (a human act)' })
  async reinstate(
    @Caller() principal: Principal,
    @Param('id', { schema: agentId }) id: string,
    @Body({ schema: reasonBody }) { reason }: ReasonBody,
  ) {
    return viewAgent(await this.reinstateAgent.execute(principal, id, reason));
  }

  @Post('revoke')
  @Allow(STOPPERS)
  @Returns(agentView, { summary: 'End an agent for good' })
  async revoke(
    @Caller() principal: Principal,
    @Param('id', { schema: agentId }) id: string,
    @Body({ schema: reasonBody }) { reason }: ReasonBody,
  ) {
    return viewAgent(await this.revokeAgent.execute(principal, id, reason));
  }
}
