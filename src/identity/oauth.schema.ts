import { isScope } from '@chancery/protocol/scopes.js';
import { z } from 'zod';

const FIELD_CHARS_MAX = 1_024;
const field = z.string().max(FIELD_CHARS_MAX);

/** RFC 6749 section 3.2: parameters that are not known are ignored, which is why this one schema is not strict. */
export const tokenForm = z.object({
  grant_type: field,
  scope: field.optional(),
  client_id: field.optional(),
  client_secret: field.optional(),
  authorization_details: z.unknown().optional(),
});

/** RFC 7009 section 2.1. */
export const revocationForm = z.object({
  token: z.string().max(4_096),
  client_id: field.optional(),
  client_secret: field.optional(),
});
export const revokedView = z.object({});

export const tokenView = z.object({
  access_token: z.string(),
  token_type: z.literal('DPoP'),
  expires_in: z.int(),
  scope: z.string(),
});

export const tokenJwkView = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string(),
  use: z.literal('sig'),
  alg: z.literal('Ed25519'),
});

export const jwksView = z.object({ keys: z.array(tokenJwkView) });

/** RFC 8414 section 2. */
export const serverMetadataView = z.object({
  issuer: z.url(),
  token_endpoint: z.url(),
  revocation_endpoint: z.url(),
  jwks_uri: z.url(),
  scopes_supported: z.array(z.string().refine(isScope)),
  response_types_supported: z.array(z.string()).length(0),
  grant_types_supported: z.array(z.literal('client_credentials')),
  token_endpoint_auth_methods_supported: z.array(z.enum(['client_secret_basic', 'client_secret_post'])),
  dpop_signing_alg_values_supported: z.array(z.enum(['Ed25519', 'EdDSA', 'ES256'])),
});
