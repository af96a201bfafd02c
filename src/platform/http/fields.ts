import { z } from 'zod';
import { type IdPrefix, parseId } from '@chancery/protocol/ids.js';
import { publicId } from '../ids.js';

export const REASON_CHARS_MAX = 500;
const NAME_CHARS_MAX = 80;
/** No control characters: what people write is shown in terminals and stands in the audit log. */
const PRINTABLE = /^[^\p{Cc}\p{Cs}]+$/u;

/** Text that people write for people. */
export const printable = (charsMax: number) =>
  z.string().trim().min(1, { abort: true }).max(charsMax).regex(PRINTABLE, 'must not hold control characters');

export const reasonField = printable(REASON_CHARS_MAX).meta({ description: 'Why; stands in the audit log.' });
export const nameField = printable(NAME_CHARS_MAX);
export const emailField = z.email().max(254).toLowerCase();

/** An id in its public form, turned into the UUID that is stored. A foreign form is unknown, not invalid (P19). */
export const idField = (prefix: IdPrefix) =>
  z
    .string()
    .max(64)
    .transform((text) => parseId(prefix, text) ?? '00000000-0000-7000-8000-000000000000')
    .meta({ example: `${prefix}_0192f0c1a2b37c4d8e9f001122334455` });

/** An id in a view. */
export const idView = (prefix: IdPrefix) =>
  z.string().meta({ example: publicId(prefix, '0192f0c1-a2b3-7c4d-8e9f-001122334455') });

export const timeView = z.string().meta({ format: 'date-time' });
export const auditRefView = z.object({
  seq: z.number().int().meta({ description: 'Position in the tenant’s audit chain.' }),
  hash: z.string().meta({ description: 'SHA-256 of the entry, hex.' }),
});

export const iso = (date: Date): string => date.toISOString();
export const isoOrNull = (date: Date | null): string | null => date?.toISOString() ?? null;
