import { z } from 'zod';
import { DEFAULT_MINIMUM_TIER, TIERS } from '@chancery/protocol/tiers.js';
import { idView, iso, isoOrNull, timeView } from '../platform/http/fields.js';
import { listOf } from '../platform/http/pagination.js';
import { publicId } from '../platform/ids.js';
import { PLACEMENTS } from './binding.js';
import { type CredentialView, VALUE_BYTES_MAX } from './credential.js';
import type { FieldShape } from './credential-fields.js';
import {
  approvalField,
  fieldsField,
  injectionField,
  limitsField,
  publicFieldsField,
  restrictionFields,
} from './credential-parts.schema.js';
import type { GrantView } from './grant-access.js';
import { APPROVALS } from './protection.js';

const GRACE_SECONDS_MAX = 7 * 24 * 60 * 60;
const DOMAINS_MAX = 50;
const PORTS_MAX = 10;

export const credentialName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,79}$/, 'must be 1 to 80 of a–z, 0–9, _ . -, beginning with a letter or digit')
  .meta({ example: 'openai_key' });
/** In a path a name that cannot be one is unknown, not invalid (P19). */
export const credentialParam = z
  .string()
  .max(200)
  .transform((text) => text.replaceAll('\0', '\ufffd')); // PostgreSQL stores no U+0000

const valueField = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= VALUE_BYTES_MAX, `must be at most ${VALUE_BYTES_MAX} bytes`)
  .meta({ description: 'The secret. It is sealed at once and never comes back.', format: 'password' });
const domainsField = z
  .array(z.string().min(1).max(253))
  .max(DOMAINS_MAX)
  .meta({ description: 'Hosts it may be sent to: api.openai.com, or *.github.com for subdomains.' });
const portsField = z.array(z.number().int().min(1).max(65_535)).min(1).max(PORTS_MAX);
const tierField = z.enum(TIERS);

const ONE_VALUE = { message: 'give value or fields, and not both', path: ['value'] };
function hasOneValue(body: { value?: string | undefined; fields?: object | undefined }): boolean {
  return (body.value === undefined) !== (body.fields === undefined);
}

export const storeBody = z
  .strictObject({
    name: credentialName,
    value: valueField.optional(),
    fields: fieldsField.optional(),
    public_fields: publicFieldsField.default([]),
    allowed_domains: domainsField.default([]),
    minimum_tier: tierField.default(DEFAULT_MINIMUM_TIER),
    ports: portsField.default([443]),
    cleartext: z.boolean().default(false),
    ...restrictionFields,
    redact: z.boolean().default(true).meta({ description: 'Remove echoes of the value from answers.' }),
    injection: injectionField.default(null),
    approval: approvalField.default('none'),
    limits: limitsField.default({}),
  })
  .refine(hasOneValue, ONE_VALUE)
  .superRefine(({ fields = {}, public_fields: names }, context) => {
    names.forEach((name, index) => {
      if (Object.hasOwn(fields, name)) return;
      context.addIssue({ code: 'custom', message: 'is not among the fields', path: ['public_fields', index] });
    });
    if (names.length > 0 && Object.keys(fields).every((name) => names.includes(name)))
      context.addIssue({ code: 'custom', message: 'must leave at least one field secret', path: ['public_fields'] });
  });
export const rotateBody = z
  .strictObject({
    value: valueField.optional(),
    fields: fieldsField.optional(),
    grace_seconds: z.number().int().min(0).max(GRACE_SECONDS_MAX).default(0),
  })
  .refine(hasOneValue, ONE_VALUE);
export const bindingBody = z.strictObject({
  allowed_domains: domainsField,
  ports: portsField.default([443]),
  cleartext: z.boolean().default(false),
  ...restrictionFields,
});
export const changeBody = z
  .strictObject({
    minimum_tier: tierField.optional(),
    injection: injectionField.optional(),
    approval: approvalField.optional(),
    limits: limitsField.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'must change something');

export const credentialViewSchema = z.object({
  id: idView('crd'),
  name: z.string(),
  minimum_tier: tierField,
  version: z.number().int(),
  allowed_domains: z.array(z.string()),
  ports: z.array(z.number().int()),
  cleartext: z.boolean(),
  methods: z.array(z.string()).nullable().meta({ description: 'null: not restricted.' }),
  path_prefixes: z.array(z.string()).nullable(),
  private_ranges: z.array(z.string()).nullable(),
  placements: z.array(z.enum(PLACEMENTS)).nullable(),
  fields: z
    .array(z.object({ name: z.string(), public: z.boolean() }))
    .nullable()
    .meta({ description: 'null: the credential is one value.' }),
  injection: injectionField,
  approval: z.enum(APPROVALS),
  limits: z.object({ per_minute: z.number().int().nullable() }),
  redact: z.boolean(),
  flags: z.array(z.enum(['unrestricted_domains', 'cleartext', 'not_redacted'])),
  versions: z.array(
    z.object({ version: z.number().int(), state: z.enum(['current', 'grace']), expires_at: timeView.nullable() }),
  ),
  created_at: timeView,
  updated_at: timeView,
});
export const credentialList = listOf(credentialViewSchema);

export const grantViewSchema = z.object({
  agent_id: idView('agt'),
  agent_name: z.string(),
  agent_tier: tierField,
  state: z.enum(['active', 'suspended']),
  granted_at: timeView,
});
export const grantList = listOf(grantViewSchema);

const copied = <T>(list: readonly T[] | undefined): T[] | null => (list === undefined ? null : [...list]);

const fieldsView = (shape: FieldShape) =>
  Object.entries(shape)
    .map(([name, kind]) => ({ name, public: kind === 'public' }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

export const viewCredential = (credential: CredentialView) => ({
  id: publicId('crd', credential.id),
  name: credential.name,
  minimum_tier: credential.minimumTier,
  version: credential.version,
  allowed_domains: [...credential.binding.allowed_domains],
  ports: [...credential.binding.ports],
  cleartext: credential.binding.cleartext,
  methods: copied(credential.binding.methods),
  path_prefixes: copied(credential.binding.path_prefixes),
  private_ranges: copied(credential.binding.private_ranges),
  placements: copied(credential.binding.placements),
  fields: credential.fields === null ? null : fieldsView(credential.fields),
  injection: credential.injection,
  approval: credential.approval,
  limits: { per_minute: credential.limits.perMinute },
  redact: credential.redact,
  flags: [...credential.flags],
  versions: credential.versions.map(({ version, state, expiresAt }) => ({
    version,
    state,
    expires_at: isoOrNull(expiresAt),
  })),
  created_at: iso(credential.createdAt),
  updated_at: iso(credential.updatedAt),
});

export const viewGrant = ({ agent, grant }: GrantView) => ({
  agent_id: publicId('agt', agent.id),
  agent_name: agent.name,
  agent_tier: agent.tier,
  state: grant.state,
  granted_at: iso(grant.grantedAt),
});
