import type { TenantTx } from '../platform/database/tenant-tx.js';

/** What a use case says happened; the chain adds position, time, salt and links. */
export interface EntryDraft {
  /** Who: see `actorOf`; jobs say `system:<job>`. */
  readonly actor: string;
  readonly action: string;
  readonly outcome: string;
  readonly details: Record<string, unknown>;
}

export interface EntryRef {
  readonly seq: number;
  /** Hex SHA-256 of the entry's canonical JSON. */
  readonly hash: string;
}

/** What an administrative act works with: its transaction, the tenant's chain under lock, and the time it happens at. */
export interface Act {
  readonly tx: TenantTx;
  readonly chain: { append(draft: EntryDraft): Promise<EntryRef> };
  readonly nowMs: number;
}

/**
 * Runs administrative acts: one transaction, the chain's head locked first, the entry committed with the change.
 * Declared here, because people and keys must leave entries too; `audit` implements it.
 */
export abstract class Acts {
  /** `control` acts (brakes, revocations, suspensions) use the connection kept for them. */
  abstract run<T>(tenantId: string, work: (act: Act) => Promise<T>, lane?: 'general' | 'control'): Promise<T>;
  /** Gives a new tenant the chain its first act needs. */
  abstract begin(tx: TenantTx): Promise<void>;
}
