import type { INestApplicationContext } from '@nestjs/common';
import type { Client } from 'pg';
import { type Lane, TenantPools } from '../../src/platform/database/tenant-pools.js';

/** A statement that a node is about to send over a tenant's connection. */
export interface Statement {
  readonly tenantId: string;
  readonly lane: Lane;
  /** Its name when it is a named one, else its text. */
  readonly what: string;
  /** What the open transaction sent before it; empty outside of one. */
  readonly transaction: readonly string[];
}

/** Stands around every statement of a node: whatever `run` is awaited behind waits, whatever is awaited after it is late. */
export type Around = <R>(statement: Statement, run: () => Promise<R>) => Promise<R>;

/** Puts `around` between a running application and its tenants' connections. The application does not know. */
export function aroundStatements(app: INestApplicationContext, around: Around): void {
  const pools = app.get(TenantPools, { strict: false });
  const acquire = pools.acquire.bind(pools);
  pools.acquire = async (tenantId, lane) => {
    const lent = await acquire(tenantId, lane);
    const client = Object.create(lent.client) as Client;
    const transaction: string[] = [];
    client.query = ((query: string | { name?: string; text: string }, values?: unknown[]) => {
      const what = typeof query === 'string' ? query : (query.name ?? query.text);
      const statement = { tenantId, lane, what, transaction: [...transaction] };
      transaction.push(what);
      if (what === 'commit' || what === 'rollback') transaction.length = 0;
      return around(statement, () => lent.client.query(query as string, values) as Promise<unknown>);
    }) as never;
    return { client, release: (broken) => lent.release(broken) };
  };
}

/** The one statement that makes a batch of uses true. */
export const isSwap = ({ what }: Statement): boolean => what === 'audit-cas';

/** A committer that lost too often, or is in doubt, takes the head's lock first. */
export const isLockedLook = ({ what, lane }: Statement): boolean => lane === 'commit' && locksHead(what);

/** The look at the head that everybody else's acts then wait for. */
export const locksHead = (what: string): boolean => what === 'audit-head-lock';

const POLICY_WRITE =
  /(?:insert into|update) (?:"chancery"\.)?"(?:agents|agent_sessions|approvals|credentials|credential_versions|grants|brakes)"|delete_grants/;

/** The end of a transaction that changed what decisions read; until it is sent, the head stays locked. */
export const isPolicyCommit = ({ what, transaction }: Statement): boolean =>
  what === 'commit' && transaction.some((sent) => POLICY_WRITE.test(sent));

/** The end of the snapshot in which a committer read head and policy. */
export const isCaughtUp = ({ what, lane, transaction }: Statement): boolean =>
  what === 'commit' && lane === 'commit' && (transaction[0]?.includes('repeatable read') ?? false);
