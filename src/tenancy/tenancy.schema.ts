import { z } from 'zod';
import { emailField, idView, iso, nameField, printable, timeView } from '../platform/http/fields.js';
import { listOf } from '../platform/http/pagination.js';
import { shownOnce } from '../platform/http/shown-once.js';
import { publicId } from '../platform/ids.js';
import type { SignedIn } from './log-in.js';
import type { MemberRow } from './members.repository.js';
import type { NewMember } from './new-member.js';
import { KEY_ROLES, MEMBER_ROLES } from './principal.js';
import type { Tenant } from './directory.js';
import type { ServiceKeyRow } from './service-keys.repository.js';

const totpField = z.string().regex(/^[0-9]{6}$/, 'must be six digits');
const namespaceField = z
  .string()
  .regex(/^[a-z][a-z0-9-]{1,38}[a-z0-9]$/, 'must be 3 to 40 of a–z, 0–9 and -, beginning with a letter');

export const loginBody = z.strictObject({
  tenant: printable(64)
    .optional()
    .meta({ description: 'Namespace or ten_ id. On the ops surface it may be left out.' }),
  email: emailField,
  password: z.string().min(1).max(256),
  totp: totpField,
});
export const factorBody = z.strictObject({ totp: totpField });
export const memberBody = z.strictObject({ email: emailField, role: z.enum(MEMBER_ROLES) });
export const serviceKeyBody = z.strictObject({ name: nameField, role: z.enum(KEY_ROLES) });
export const tenantBody = z.strictObject({ namespace: namespaceField, name: nameField, owner_email: emailField });

const memberView = z.object({ id: idView('mem'), email: z.string(), role: z.enum(MEMBER_ROLES), created_at: timeView });
export const memberList = listOf(memberView);
export const newMemberView = memberView.extend({
  password: shownOnce(z.string()),
  otpauth_uri: shownOnce(z.string()),
});

const tenantRef = z.object({ id: idView('ten'), namespace: z.string() });
export const signedInView = z.object({
  session_token: shownOnce(z.string()),
  expires_at: timeView,
  factor_expires_at: timeView,
  member: z.object({ id: idView('mem'), email: z.string(), role: z.enum(MEMBER_ROLES) }),
  tenant: tenantRef,
});
export const factorView = z.object({ factor_expires_at: timeView });

export const whoamiView = z.object({
  kind: z.enum(['member', 'service_key', 'agent']),
  id: z.string(),
  name: z.string(),
  role: z.string().optional(),
  tier: z.string().optional(),
  tenant: tenantRef,
  surface: z.enum(['tenant', 'ops']),
  factor_expires_at: timeView.optional(),
});

const serviceKeyView = z.object({ id: idView('key'), name: z.string(), role: z.enum(KEY_ROLES), created_at: timeView });
export const serviceKeyList = listOf(serviceKeyView);
export const newServiceKeyView = serviceKeyView.extend({ key: shownOnce(z.string()) });

const tenantView = z.object({ id: idView('ten'), namespace: z.string(), name: z.string(), created_at: timeView });
export const tenantList = listOf(tenantView);
export const newTenantView = tenantView.extend({
  owner: z.object({
    id: idView('mem'),
    email: z.string(),
    password: shownOnce(z.string()),
    otpauth_uri: shownOnce(z.string()),
  }),
  service_key: z.object({ id: idView('key'), key: shownOnce(z.string()) }),
});

export const viewMember = (row: Pick<MemberRow, 'id' | 'email' | 'role' | 'createdAt'>) => ({
  id: publicId('mem', row.id),
  email: row.email,
  role: row.role,
  created_at: iso(row.createdAt),
});

export const viewNewMember = (made: NewMember) => ({
  ...viewMember(made.row),
  password: made.password,
  otpauth_uri: made.otpauthUri,
});

export const viewServiceKey = (row: Pick<ServiceKeyRow, 'id' | 'name' | 'role' | 'createdAt'>) => ({
  id: publicId('key', row.id),
  name: row.name,
  role: row.role,
  created_at: iso(row.createdAt),
});

export const viewTenant = (tenant: Tenant) => ({
  id: publicId('ten', tenant.id),
  namespace: tenant.namespace,
  name: tenant.name,
  created_at: iso(tenant.createdAt),
});

export const viewSignedIn = (signedIn: SignedIn) => ({
  session_token: signedIn.token,
  expires_at: iso(signedIn.expiresAt),
  factor_expires_at: iso(signedIn.factorExpiresAt),
  member: viewMember(signedIn.member),
  tenant: { id: publicId('ten', signedIn.tenant.id), namespace: signedIn.tenant.namespace },
});
