import type { z } from 'zod';
import type { CredentialChange } from './change-credential.js';
import type { bindingBody, changeBody, rotateBody, storeBody } from './credentials.schema.js';
import type { BindingInput } from './read-binding.js';
import type { RotatedValue } from './rotate-credential.js';
import type { StoreCredentialInput } from './store-credential.js';

/** Bodies, as the use cases want them. */
export function storeInput(body: z.output<typeof storeBody>): StoreCredentialInput {
  const { name, minimum_tier: minimumTier, redact, injection, approval } = body;
  const value = { ...given(body), publicFields: body.public_fields };
  const limits = { perMinute: body.limits.per_minute ?? null };
  return { name, value, minimumTier, redact, injection, approval, limits, binding: bindingInput(body) };
}

export const rotateInput = (body: z.output<typeof rotateBody>): { value: RotatedValue; graceSeconds: number } => ({
  value: given(body),
  graceSeconds: body.grace_seconds,
});

export const bindingInput = (body: z.output<typeof bindingBody>): BindingInput => ({
  allowedDomains: body.allowed_domains,
  ports: body.ports,
  cleartext: body.cleartext,
  methods: body.methods,
  pathPrefixes: body.path_prefixes,
  privateRanges: body.private_ranges,
  placements: body.placements,
});

export const changeInput = (body: z.output<typeof changeBody>): CredentialChange => ({
  minimumTier: body.minimum_tier,
  injection: body.injection,
  approval: body.approval,
  limits: body.limits === undefined ? undefined : { perMinute: body.limits.per_minute ?? null },
});

/** The schema has seen to it that there is one of the two. */
function given({ value, fields }: { value?: string | undefined; fields?: Record<string, string> | undefined }) {
  return fields === undefined ? { value: value as string } : { fields };
}
