import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { constantTimeEqual } from '../platform/crypto/keyed-token.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import {
  IDEMPOTENCY_KEEP_MS,
  type IdempotencyBegin,
  type IdempotencyScope,
  IdempotencyStore,
  type KeptAnswer,
} from '../platform/http/idempotency-store.js';

/** A first request that died is forgotten after this; its act, if it was committed, is not repeated within it. */
const IN_PROGRESS_MS = 60_000;

interface Row {
  fingerprint: Buffer;
  status: number | null;
  view: { view: unknown; secret_shown_once: boolean } | null;
  inserted: boolean;
}

/** Answers already given, in the tenant's own rows. */
@Injectable()
export class StoredIdempotency extends IdempotencyStore {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {
    super();
  }

  override begin(scope: IdempotencyScope, key: string, fingerprint: Buffer): Promise<IdempotencyBegin> {
    const now = new Date(this.clock.now());
    const lapses = new Date(now.getTime() + IN_PROGRESS_MS);
    return this.#inTenant(scope, async (tx) => {
      const where = [tx.tenantId, scopeText(scope), key];
      await tx.client.query('select delete_answers($3, $1, $2)', [scopeText(scope), key, now]);
      // The conflict's row lock decides between concurrent first requests; `xmax = 0` tells who inserted.
      const { rows } = await tx.client.query<Row>(
        `insert into idempotency_keys (tenant_id, scope, key, fingerprint, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id, scope, key) do update set key = excluded.key
         returning fingerprint, status, view, (xmax = 0) as inserted`,
        [...where, fingerprint, now, lapses],
      );
      return begun(rows[0] as Row, fingerprint);
    });
  }

  override async finish(scope: IdempotencyScope, key: string, answer: KeptAnswer): Promise<void> {
    const expires = new Date(this.clock.now() + IDEMPOTENCY_KEEP_MS);
    const kept = JSON.stringify({ view: answer.view, secret_shown_once: answer.secretShownOnce });
    await this.#inTenant(scope, (tx) =>
      tx.client.query(
        `update idempotency_keys set status = $4, view = $5, expires_at = $6
         where tenant_id = $1 and scope = $2 and key = $3`,
        [tx.tenantId, scopeText(scope), key, answer.status, kept, expires],
      ),
    );
  }

  override async abandon(scope: IdempotencyScope, key: string): Promise<void> {
    const now = new Date(this.clock.now());
    await this.#inTenant(scope, (tx) =>
      tx.client.query(
        `update idempotency_keys set expires_at = $4
         where tenant_id = $1 and scope = $2 and key = $3 and status is null`,
        [tx.tenantId, scopeText(scope), key, now],
      ),
    );
  }

  /** An act that may not wait does not wait here either. */
  #inTenant<T>(scope: IdempotencyScope, work: (tx: TenantTx) => Promise<T>): Promise<T> {
    return this.database.inTenant(scope.tenantId, work, { lane: scope.urgent === true ? 'control' : 'general' });
  }
}

function begun(row: Row, fingerprint: Buffer): IdempotencyBegin {
  if (row.inserted) return { state: 'new' };
  if (!constantTimeEqual(row.fingerprint, fingerprint)) return { state: 'mismatch' };
  if (row.status === null || row.view === null) return { state: 'in_progress' };
  return {
    state: 'done',
    answer: { status: row.status, view: row.view.view, secretShownOnce: row.view.secret_shown_once },
  };
}

const scopeText = (scope: IdempotencyScope): string => `${scope.principalId} ${scope.route}`;
