import { z } from 'zod';
import { auditRefView, idField, idView, iso, isoOrNull, reasonField, timeView } from '../platform/http/fields.js';
import { listOf, pageQuery } from '../platform/http/pagination.js';
import { publicId } from '../platform/ids.js';
import { BRAKE_SCOPES } from './brake.js';
import type { BrakeRow } from './brakes.repository.js';

const credentialName = z.string().min(1).max(80);

export const brakeBody = z.discriminatedUnion('scope', [
  z.strictObject({ scope: z.literal('global'), reason: reasonField }).meta({ description: 'Ops surface only.' }),
  z.strictObject({ scope: z.literal('tenant'), reason: reasonField }),
  z.strictObject({ scope: z.literal('agent'), agent_id: idField('agt'), reason: reasonField }),
  z.strictObject({ scope: z.literal('credential'), credential_name: credentialName, reason: reasonField }),
]);
export const clearBody = z.strictObject({
  reason: reasonField,
  confirm: z.string().max(80).optional().meta({ description: 'For the global brake: "clear the global brake".' }),
});
export const brakesQuery = pageQuery.extend({
  active: z.enum(['true', 'false']).default('false').meta({ description: 'Only the brakes that are on.' }),
});

export const brakeView = z.object({
  id: idView('brk'),
  scope: z.enum(BRAKE_SCOPES),
  agent_id: idView('agt').nullable(),
  credential_name: z.string().nullable(),
  reason: z.string(),
  active: z.boolean(),
  activated_at: timeView,
  activated_by: z.string(),
  audit: auditRefView,
  cleared_at: timeView.nullable(),
  cleared_by: z.string().nullable(),
  clear_reason: z.string().nullable(),
});
export const brakeList = listOf(brakeView);

export const viewBrake = (row: BrakeRow) => ({
  id: publicId('brk', row.id),
  scope: row.scope,
  agent_id: row.agentId === null ? null : publicId('agt', row.agentId),
  credential_name: row.credentialName,
  reason: row.reason,
  active: row.clearedAt === null,
  activated_at: iso(row.activatedAt),
  activated_by: row.activatedBy,
  audit: { seq: row.activatedSeq, hash: row.activatedHash.toString('hex') },
  cleared_at: isoOrNull(row.clearedAt),
  cleared_by: row.clearedBy,
  clear_reason: row.clearReason,
});
