import { z } from 'zod';
import { HTTP_TOKEN } from '../platform/outbound/message-rules.js';
import { PLACEMENTS } from './binding.js';
import { VALUE_BYTES_MAX } from './credential.js';
import { BASIC, FIELD_NAME, FIELDS_MAX, USERNAME } from './credential-fields.js';
import { APPROVALS } from './protection.js';

const PER_MINUTE_MAX = 1_000_000;
const LONE_SURROGATE = /\p{Surrogate}/u;
const isFieldName = (name: string): boolean => FIELD_NAME.test(name) && name !== BASIC;
const FIELD_NAME_RULE =
  'must be 1 to 32 of a–z, 0–9, _, beginning with a letter; "basic" is made from username and password';
const fieldName = z.string().refine(isFieldName, FIELD_NAME_RULE).meta({ example: 'username' });
export const fieldsField = z
  .record(
    z.string(),
    z
      .string()
      .min(1)
      .refine((text) => !LONE_SURROGATE.test(text), 'must be well-formed Unicode'),
  )
  .superRefine((fields, context) => {
    // No issue names a field: a secret could have been sent in its place.
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    const names = Object.keys(fields);
    const bytes = Object.values(fields).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (names.length === 0 || names.length > FIELDS_MAX) refuse(`must be 1 to ${FIELDS_MAX} fields`);
    if (!names.every(isFieldName)) refuse(`the name of a field ${FIELD_NAME_RULE}`);
    if (bytes > VALUE_BYTES_MAX) refuse(`must be at most ${VALUE_BYTES_MAX} bytes together`);
    // RFC 7617, 2: it ends at the first colon.
    if (fields[USERNAME]?.includes(':')) refuse(`${USERNAME} must not hold a colon`);
  })
  .meta({
    description: 'Several values in one credential, such as username and password, instead of `value`.',
    example: { username: 'deploy-bot', password: 'correct horse battery staple' },
  });
export const publicFieldsField = z
  .array(fieldName)
  .max(FIELDS_MAX)
  .meta({ description: 'Fields that are no secret, such as a user name: they are not removed from answers.' });

const HTTP_NAME_CHARS_MAX = 128;
const tokenField = z.string().max(HTTP_NAME_CHARS_MAX).regex(HTTP_TOKEN, 'must be an HTTP token');
const ofField = { field: fieldName.optional().meta({ description: 'Where the credential has fields: which one.' }) };
const oneInjection = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('scheme'), scheme: tokenField.meta({ example: 'Bearer' }), ...ofField }),
    z.strictObject({ kind: z.literal('header'), name: tokenField.meta({ example: 'x-api-key' }), ...ofField }),
    z.strictObject({
      kind: z.literal('query'),
      name: z
        .string()
        .max(HTTP_NAME_CHARS_MAX)
        .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must not hold control characters')
        .meta({ example: 'key' }),
      ...ofField,
    }),
    z.strictObject({ kind: z.literal('basic') }),
  ])
  .meta({ id: 'Injection' });
export const injectionField = oneInjection
  .nullable()
  .meta({ description: 'Where the credential goes when a request holds no placeholder.' });
export const approvalField = z.enum(APPROVALS).meta({ description: 'each_use: a person is asked before every use.' });
export const limitsField = z.strictObject({
  per_minute: z.number().int().min(1).max(PER_MINUTE_MAX).nullish().meta({ description: 'Uses per minute and agent.' }),
});

/** Restrictions that may be left out; null is as good as nothing. */
const restriction = (max: number, chars: number, description: string) =>
  z.array(z.string().min(1).max(chars)).min(1).max(max).nullish().meta({ description });
export const restrictionFields = {
  methods: restriction(20, 32, 'HTTP methods it may be used with.'),
  path_prefixes: restriction(50, 1024, 'Beginnings of the path, by whole segments: /v1/models covers /v1/models/x.'),
  private_ranges: restriction(
    20,
    64,
    'Private networks it may be sent into, as far as the deployment lets anybody dial them: 10.20.0.0/16.',
  ),
  placements: z
    .array(z.enum(PLACEMENTS))
    .min(1)
    .max(PLACEMENTS.length)
    .nullish()
    .meta({ description: 'Where in a request it may stand.' }),
};
