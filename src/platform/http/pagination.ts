import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { invalidRequest } from './http.errors.js';

export const PAGE_LIMIT_DEFAULT = 50;
export const PAGE_LIMIT_MAX = 200;
const CURSOR_CHARS_MAX = 1_024;
const MAC_BYTES = 16;

/** The query of every list; `.extend({…})` it for filters. */
export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[0-9]{1,3}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().int().min(1).max(PAGE_LIMIT_MAX))
    .default(PAGE_LIMIT_DEFAULT)
    .meta({
      description: 'How many.',
      wire: { type: 'integer', minimum: 1, maximum: PAGE_LIMIT_MAX, default: PAGE_LIMIT_DEFAULT },
    }),
  cursor: z.string().max(CURSOR_CHARS_MAX).optional().meta({ description: '`next_cursor` of the page before.' }),
});

/** The view of every list. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item), next_cursor: z.string().nullable() });

/** A cursor continues one list of one tenant; filters that change the list belong into `list`. */
export type CursorScope = Readonly<{ tenantId: string; list: string }>;

/** Cursors are opaque to clients and cannot be made up, so what comes back may be trusted as a position. */
export class Cursors {
  constructor(private readonly macKey: Buffer) {}

  seal(scope: CursorScope, position: unknown): string {
    const payload = Buffer.from(JSON.stringify(position));
    return Buffer.concat([this.mac(scope, payload), payload]).toString('base64url');
  }

  // The MAC says that it was sealed here, as what the same list seals.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  open<T>(scope: CursorScope, cursor: string): T {
    const bytes = Buffer.from(cursor, 'base64url');
    const payload = bytes.subarray(MAC_BYTES);
    const authentic =
      bytes.length > MAC_BYTES && timingSafeEqual(bytes.subarray(0, MAC_BYTES), this.mac(scope, payload));
    // Base64url has spellings that decode to the same bytes; only ours is accepted.
    if (!authentic || bytes.toString('base64url') !== cursor) {
      throw invalidRequest([{ path: 'cursor', message: 'is not a cursor of this list' }]);
    }
    return JSON.parse(payload.toString()) as T;
  }

  /** A page from one row more than `limit` was asked for: the extra one says whether anything follows. */
  page<Row, Item>(
    rows: readonly Row[],
    {
      limit,
      scope,
      position,
      view,
    }: { limit: number; scope: CursorScope; position: (row: Row) => unknown; view: (row: Row) => Item },
  ): { data: Item[]; next_cursor: string | null } {
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const more = rows.length > limit && last !== undefined;
    return { data: shown.map(view), next_cursor: more ? this.seal(scope, position(last)) : null };
  }

  private mac({ tenantId, list }: CursorScope, payload: Buffer): Buffer {
    const scope = JSON.stringify([tenantId, list]);
    return createHmac('sha256', this.macKey)
      .update(`${scope.length}:${scope}`)
      .update(payload)
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
