import { z } from 'zod';
import { idView, iso, isoOrNull, printable, reasonField, timeView } from '../../platform/http/fields.js';
import { listOf, pageQuery } from '../../platform/http/pagination.js';
import { publicId } from '../../platform/ids.js';
import { APPROVAL_KINDS, APPROVAL_STATES } from './approval.js';
import type { SeenApproval, ShownApproval } from './read-approvals.js';
import type { PendingApproval } from './request-approval.js';
import type { RequestPreview } from './request-image.js';

const NAME_CHARS_MAX = 80;

export const approvalsQuery = pageQuery.extend({
  state: z.enum(APPROVAL_STATES).optional().meta({ description: 'Only those in this state.' }),
  kind: z.enum(APPROVAL_KINDS).optional().meta({ description: 'Only those of this kind.' }),
});
export const decisionBody = z.strictObject({ reason: reasonField.optional() }).nullish();
export const accessBody = z.strictObject({
  credential_name: printable(NAME_CHARS_MAX).meta({
    description: 'Its name, as the agent knows it.',
    example: 'openai_key',
  }),
  reason: reasonField,
});

/** What the agent that asked may know. */
export const ownApprovalView = z.object({
  id: idView('apr'),
  kind: z.enum(APPROVAL_KINDS),
  state: z.enum(APPROVAL_STATES),
  expires_at: timeView,
});

export const approvalView = ownApprovalView.extend({
  agent_id: idView('agt'),
  agent_name: z.string(),
  credential_id: idView('crd').nullable(),
  credential_name: z.string().nullable().meta({ description: 'Of access: as the agent typed it.' }),
  version: z.int().nullable(),
  method: z.string().nullable(),
  url: z.string().nullable().meta({ description: 'Without the query.' }),
  purpose: z.string().nullable().meta({ description: 'What the agent says it is for.' }),
  request_hash: z.string().nullable().meta({ description: 'What the approval is bound to: SHA-256, hex.' }),
  session_id: idView('ses').nullable(),
  requested_at: timeView,
  decided_at: timeView.nullable(),
  decided_by: z.string().nullable(),
  decision_reason: z.string().nullable(),
  used_seq: z.int().nullable().meta({ description: 'The audit entry of the use it was spent on.' }),
});
export const approvalList = listOf(approvalView);

const requestView = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  body: z
    .object({
      text: z.string().optional(),
      base64: z.string().optional(),
      bytes: z.int().meta({ description: 'Length of the whole body.' }),
      sha256: z.string().meta({ description: 'Of the whole body.' }),
      truncated: z.boolean(),
    })
    .nullable(),
});
export const shownApprovalView = approvalView.extend({
  request: requestView
    .nullable()
    .meta({ description: 'Exactly what would be sent; •••• stands where the credential goes.' }),
});
/** For people and keys everything, for the agent that asked state and expiry only. */
export const showView = z.union([shownApprovalView, ownApprovalView]);

export const viewPending = ({ id, expiresAt }: PendingApproval, kind: 'use' | 'access') => ({
  id: publicId('apr', id),
  kind,
  state: 'pending' as const,
  expires_at: iso(expiresAt),
});

export const viewOwn = ({ row, state }: SeenApproval) => ({
  id: publicId('apr', row.id),
  kind: row.kind,
  state,
  expires_at: iso(row.expiresAt),
});

export const viewApproval = (seen: SeenApproval) => {
  const { row, agentName, usedSeq } = seen;
  return {
    ...viewOwn(seen),
    agent_id: publicId('agt', row.agentId),
    agent_name: agentName,
    credential_id: row.credentialId === null ? null : publicId('crd', row.credentialId),
    credential_name: row.credentialName,
    version: row.version,
    method: row.method,
    url: row.url,
    purpose: row.purpose,
    request_hash: row.requestHash?.toString('hex') ?? null,
    session_id: row.sessionId === null ? null : publicId('ses', row.sessionId),
    requested_at: iso(row.requestedAt),
    decided_at: isoOrNull(row.decidedAt),
    decided_by: row.decidedBy,
    decision_reason: row.decisionReason,
    used_seq: usedSeq,
  };
};

export const viewShown = (shown: ShownApproval) => ({
  ...viewApproval(shown),
  request: shown.request === null ? null : viewRequest(shown.request),
});

const viewRequest = (request: RequestPreview) => ({
  ...request,
  headers: request.headers.map(([name, value]) => ({ name, value })),
});
