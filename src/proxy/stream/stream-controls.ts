import { z } from 'zod';
import { invalidRequest } from '../../platform/http/http.errors.js';
import { issuesOf } from '../../platform/http/issues.js';
import { idField, printable } from '../../platform/http/fields.js';

/** How long one streamed call may take in all. */
export const STREAM_MS_MAX = 15 * 60_000;
const TIMEOUT_MS_MIN = 100;
const PURPOSE_CHARS_MAX = 200;

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^[0-9]{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));

const controlsSchema = z.object({
  purpose: printable(PURPOSE_CHARS_MAX).or(z.literal('')).default(''),
  version: whole(1, 999_999_999).optional(),
  'approval-id': idField('apr').optional(),
  'timeout-ms': whole(TIMEOUT_MS_MIN, STREAM_MS_MAX).default(STREAM_MS_MAX),
});

export interface StreamControls {
  readonly purpose: string;
  readonly version: number | undefined;
  readonly timeoutMs: number;
  readonly approvalId: string | undefined;
}

/** What `Chancery-*` headers say about the call. A purpose is text, and comes percent-encoded. */
export function readStreamControls(control: ReadonlyMap<string, string>): StreamControls {
  const raw = { ...Object.fromEntries(control), purpose: decodedPurpose(control.get('purpose')) };
  const read = controlsSchema.safeParse(raw);
  if (!read.success) {
    throw invalidRequest(
      issuesOf(read.error.issues).map(({ path, message }) => ({ path: `chancery-${path}`, message })),
    );
  }
  const { purpose, version, 'timeout-ms': timeoutMs, 'approval-id': approvalId } = read.data;
  return { purpose, version, timeoutMs, approvalId };
}

function decodedPurpose(raw: string | undefined): string | undefined {
  try {
    return raw === undefined ? undefined : decodeURIComponent(raw);
  } catch {
    throw invalidRequest([{ path: 'chancery-purpose', message: 'must be percent-encoded UTF-8' }]);
  }
}
