import { TIER_RULES, TIERS } from '@chancery/protocol/tiers.js';
import { z } from 'zod';
import { idView, iso, isoOrNull, reasonField, timeView } from '../platform/http/fields.js';
import { listOf } from '../platform/http/pagination.js';
import { shownOnce } from '../platform/http/shown-once.js';
import { publicId } from '../platform/ids.js';
import type { AgentRow } from './agents.repository.js';
import type { SeenAgent } from './change-agent.js';
import type { SeenSession } from './list-sessions.js';

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
/** It becomes the last part of a public name (`agent:acme/treasury`). */
const agentName = z
  .string()
  .max(64)
  .regex(NAME, 'must be 1 to 64 of a–z, 0–9, ., _ and -, beginning and ending with a letter or digit')
  .meta({ description: 'Unique in the tenant.', example: 'treasury' });

export const agentBody = z.strictObject({ name: agentName });
export const tierBody = z.strictObject({ tier: z.enum(TIERS), reason: reasonField });
export const reasonBody = z.strictObject({ reason: reasonField });
export const emptyBody = z.strictObject({}).nullish();
export const optionalReasonBody = z.strictObject({ reason: reasonField.optional() }).nullish();

const agentRef = z.object({
  id: idView('agt'),
  name: z.string(),
  tier: z.enum(TIERS),
  state: z.enum(['active', 'suspended', 'revoked']),
  created_at: timeView,
});
export const newAgentView = agentRef.extend({ api_key: shownOnce(z.string()) });
export const apiKeyView = z.object({ id: idView('agt'), api_key: shownOnce(z.string()) });
export const agentView = agentRef.extend({
  credentials_granted: z.int(),
  credentials_limit: z.int().nullable().meta({ description: 'Most credentials of this tier; null for no limit.' }),
});
export const agentList = listOf(agentView);

export const sessionView = z.object({
  id: idView('ses'),
  agent_id: idView('agt'),
  state: z.enum(['pending', 'approved', 'active', 'revoked', 'expired']),
  tier: z.enum(TIERS),
  jkt: z.string().meta({ description: 'RFC 7638 thumbprint of its DPoP key.' }),
  created_at: timeView,
  expires_at: timeView,
  renewals_left: z.int(),
  approved_by: z.string().nullable(),
  revoked_at: timeView.nullable(),
  revoked_reason: z.string().nullable(),
});
export const sessionList = listOf(sessionView);

export const viewNewAgent = (agent: AgentRow) => ({
  id: publicId('agt', agent.id),
  name: agent.name,
  tier: agent.tier,
  state: agent.state,
  created_at: iso(agent.createdAt),
});

export const viewAgent = ({ agent, granted }: SeenAgent) => ({
  ...viewNewAgent(agent),
  credentials_granted: granted,
  credentials_limit: TIER_RULES[agent.tier].credentialsLimit,
});

export const viewSession = ({ session, state, renewalsLeft }: SeenSession) => ({
  id: publicId('ses', session.id),
  agent_id: publicId('agt', session.agentId),
  state,
  tier: session.tier,
  jkt: session.jkt,
  created_at: iso(session.createdAt),
  expires_at: iso(session.expiresAt),
  renewals_left: renewalsLeft,
  approved_by: session.approvedBy,
  revoked_at: isoOrNull(session.revokedAt),
  revoked_reason: session.revokedReason,
});
