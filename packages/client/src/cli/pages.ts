import type { Connection } from './connection.js';
import type { List } from './views.js';

const PAGE_ROWS = 200;
const ROWS_MAX = 10_000;

/** All rows of a list, page by page, at most 10 000. */
export async function allRows<T>(connection: Connection, path: string, query = {}): Promise<T[]> {
  const rows: T[] = [];
  let cursor: string | undefined;
  do {
    const page: List<T> = await connection.json<List<T>>({
      method: 'GET',
      path,
      query: { ...query, limit: PAGE_ROWS, cursor },
    });
    rows.push(...(page?.data ?? []));
    cursor = page?.next_cursor ?? undefined;
  } while (cursor !== undefined && rows.length < ROWS_MAX);
  return rows;
}
