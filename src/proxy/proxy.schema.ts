import { z } from 'zod';
import { auditRefView, idField, idView, iso, printable, timeView } from '../platform/http/fields.js';
import { publicId } from '../platform/ids.js';
import type { PendingUse } from './approval-gate.js';
import type { ExecuteResult } from './execute-credential.js';
import { BODY_BYTES_MAX } from './template-body.js';
import { HEADER_NAME_CHARS_MAX, HEADER_VALUE_CHARS_MAX, HEADERS_MAX } from './template-headers.js';
import { QUERY_PARAMETERS_MAX, QUERY_PART_CHARS_MAX } from './template.js';
import { URL_CHARS_MAX } from './target.js';

const TIMEOUT_MS_MIN = 100;
export const TIMEOUT_MS_DEFAULT = 30_000;
const TIMEOUT_MS_MAX = 120_000;
const BASE64_CHARS_MAX = Math.ceil(BODY_BYTES_MAX / 3) * 4;

const headersField = z
  .record(z.string().min(1).max(HEADER_NAME_CHARS_MAX), z.string().max(HEADER_VALUE_CHARS_MAX))
  .refine((map) => Object.keys(map).length <= HEADERS_MAX, `must hold at most ${HEADERS_MAX} headers`);
const queryField = z
  .record(z.string().min(1).max(QUERY_PART_CHARS_MAX), z.string().max(QUERY_PART_CHARS_MAX))
  .refine(
    (map) => Object.keys(map).length <= QUERY_PARAMETERS_MAX,
    `must hold at most ${QUERY_PARAMETERS_MAX} parameters`,
  );

export const executeBody = z.strictObject({
  purpose: printable(200).meta({ description: 'What the call is for; stands in the audit log.' }),
  request: z
    .strictObject({
      method: z.string().min(1).max(20).meta({ example: 'POST' }),
      url: z.string().min(1).max(URL_CHARS_MAX).meta({ example: 'https://api.openai.com/v1/models' }),
      headers: headersField.optional().meta({ example: { authorization: 'Bearer {{CREDENTIAL}}' } }),
      query: queryField.optional(),
      body: z
        .union([z.string().max(BODY_BYTES_MAX), z.record(z.string(), z.json()), z.array(z.json())])
        .optional()
        .meta({ description: 'Text, or JSON as an object or array.' }),
      body_base64: z.string().max(BASE64_CHARS_MAX).optional(),
    })
    .refine((request) => request.body === undefined || request.body_base64 === undefined, {
      message: 'give body or body_base64, not both',
      path: ['body_base64'],
    }),
  timeout_ms: z.number().int().min(TIMEOUT_MS_MIN).max(TIMEOUT_MS_MAX).default(TIMEOUT_MS_DEFAULT),
  version: z.number().int().min(1).optional().meta({ description: 'A version still in its grace period.' }),
  approval_id: idField('apr').optional(),
});

export const executeView = z.object({
  status: z.number().int(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  body: z.string().optional().meta({ description: 'When the answer is UTF-8 text.' }),
  body_base64: z.string().optional().meta({ description: 'When it is not.' }),
  duration_ms: z.number().int(),
  redactions: z.number().int().meta({ description: 'How often the credential was found in the answer and removed.' }),
  audit: auditRefView,
});

/** 202: a person has to look at it first. */
export const pendingUseView = z.object({
  approval: z.object({ id: idView('apr'), state: z.literal('pending'), expires_at: timeView }),
  audit: auditRefView,
});

export const viewPendingUse = ({ approval, audit }: PendingUse) => ({
  approval: { id: publicId('apr', approval.id), state: 'pending' as const, expires_at: iso(approval.expiresAt) },
  audit,
});

export function viewExecute(result: ExecuteResult) {
  const { status, headers, body, durationMs, redactions, audit } = result;
  return { status, headers: headerMap(headers), duration_ms: durationMs, redactions, audit, ...bodyView(body) };
}

function headerMap(headers: ExecuteResult['headers']): Record<string, string | string[]> {
  // No prototype: an upstream may call a header `__proto__`.
  const map = Object.create(null) as Record<string, string | string[]>;
  for (const [rawName, value] of headers) {
    const name = rawName.toLowerCase();
    const known = map[name];
    if (known === undefined) map[name] = value;
    else map[name] = Array.isArray(known) ? [...known, value] : [known, value];
  }
  return map;
}

function bodyView(body: Buffer): { body: string } | { body_base64: string } {
  try {
    return { body: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body) };
  } catch {
    return { body_base64: body.toString('base64') };
  }
}
