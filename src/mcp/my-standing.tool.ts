import { TIER_RULES } from '@chancery/protocol/tiers.js';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ReadStanding } from '../identity/read-standing.js';
import { publicId } from '../platform/ids.js';
import type { AgentTool, ToolCaller } from './agent-tool.js';

const input = z.strictObject({});

@Injectable()
export class MyStandingTool implements AgentTool<typeof input> {
  readonly name = 'my_standing';
  readonly title = 'My tier and limits';
  readonly description = 'Your name, trust tier, how many credentials it allows, and how long this session lasts.';
  readonly input = input;
  readonly readOnly = true;

  constructor(private readonly readStanding: ReadStanding) {}

  async run({ principal }: ToolCaller) {
    const { agent, granted, session, renewalsLeft } = await this.readStanding.execute(principal);
    return {
      id: publicId('agt', agent.id),
      name: agent.name,
      tier: agent.tier,
      credentials_granted: granted,
      credentials_limit: TIER_RULES[agent.tier].credentialsLimit,
      session: { expires_at: session.expiresAt.toISOString(), renewals_left: renewalsLeft },
    };
  }
}
