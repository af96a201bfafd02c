import { drizzle } from 'drizzle-orm/node-postgres';
import type { Client } from 'pg';
import { databaseUnavailable, isConnectionFailure, isOutOfService, OutcomeUnknownError } from './database.errors.js';
import type { Lane, PooledConnection, TenantPools } from './tenant-pools.js';
import type { TenantTx } from './tenant-tx.js';

export type Isolation = 'read committed' | 'repeatable read';

export interface TransactionOptions {
  readonly lane?: Lane;
  readonly isolation?: Isolation;
  readonly readOnly?: boolean;
}

/** The one place that opens transactions on a tenant's rows. */
export class TenantDatabase {
  constructor(private readonly pools: TenantPools) {}

  /** Runs `work` in one transaction as the tenant's role: commit when it returns, roll back when it throws. */
  async inTenant<T>(
    tenantId: string,
    work: (tx: TenantTx) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const connection = await this.pools.acquire(tenantId, options.lane ?? 'general');
    const begin = `begin isolation level ${options.isolation ?? 'read committed'}${options.readOnly === true ? ' read only' : ''}`;
    let committing = false;
    try {
      await connection.client.query(begin);
      const result = await work(asTenantTx(tenantId, connection.client));
      committing = options.readOnly !== true;
      await commit(connection);
      connection.release();
      return result;
    } catch (error) {
      await rollBack(connection, error);
      if (!isOutOfService(error)) throw error;
      throw committing && isConnectionFailure(error) ? new OutcomeUnknownError() : databaseUnavailable();
    }
  }

  /** A transaction of a control act (brake, revocation, suspension): its own connection and the pool's reserve. */
  control<T>(tenantId: string, work: (tx: TenantTx) => Promise<T>): Promise<T> {
    return this.inTenant(tenantId, work, { lane: 'control' });
  }

  /** A bare connection in a lane, for the committer, which sends one statement a batch. */
  connection(tenantId: string, lane: Lane): Promise<PooledConnection> {
    return this.pools.acquire(tenantId, lane);
  }
}

/** A transaction in which a statement failed, and whose failure somebody swallowed, answers COMMIT with ROLLBACK. */
async function commit(connection: PooledConnection): Promise<void> {
  const { command } = await connection.client.query('commit');
  if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a statement in it had failed');
}

async function rollBack(connection: PooledConnection, error: unknown): Promise<void> {
  if (isConnectionFailure(error)) {
    connection.release(true);
    return;
  }
  try {
    await connection.client.query('rollback');
    connection.release();
  } catch {
    connection.release(true);
  }
}

/** Brands a connection of the tenant's own role; the caller has opened the transaction. */
export function asTenantTx(tenantId: string, client: Client): TenantTx {
  return { tenantId, client, db: drizzle(client) } as unknown as TenantTx;
}
