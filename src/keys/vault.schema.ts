import { z } from 'zod';
import { reasonField } from '../platform/http/fields.js';

export const vaultView = z.object({ state: z.enum(['uninitialized', 'sealed', 'unsealed']) });

/** One form of what was typed, whatever the keyboard composed (RFC 8265 section 4.2.2). */
export const passwordRequest = z.strictObject({ password: z.string().min(1).max(1024).normalize('NFC') });
export type PasswordRequest = z.output<typeof passwordRequest>;

export const sealRequest = z.strictObject({ reason: reasonField });
export type SealRequest = z.output<typeof sealRequest>;
