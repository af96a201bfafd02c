import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { UseCounts } from './use-window.js';
import type { EntryDraft, EntryRef } from '../tenancy/acts.js';

/** How a decision sees the world: the tenant's policy as of the head it will be swapped against. */
export interface DecisionView<P> {
  readonly policy: P;
  readonly nowMs: number;
  /** True when the policy was loaded after this submission arrived: what is missing now is missing. */
  readonly fresh: boolean;
  /** Whether a proof id was used already. */
  seen(jti: string): boolean;
  /** The uses under way and of the last minute, those decided before in the same batch included. */
  readonly uses: UseCounts;
  /** Whether an approval was spent since the policy was loaded, in this batch included. */
  spent(key: string): boolean;
}

/**
 * What a decision comes to. With an entry it takes effect when the entry is durable; without one it is returned once
 * the policy behind it is known to be current. `reload` asks for a fresh policy first.
 */
export type Verdict<R> =
  | { readonly kind: 'entry'; readonly draft: EntryDraft; readonly jti?: string | undefined; readonly result: R }
  | { readonly kind: 'silent'; readonly result: R }
  | { readonly kind: 'reload' };

/** May be asked several times, each time against a newer view; only the last verdict counts. */
export type Decide<P, R> = (view: DecisionView<P>) => Verdict<R>;

export interface Committed<R> {
  readonly result: R;
  /** Where the entry stands; null for a silent verdict. */
  readonly ref: EntryRef | null;
}

/** Loads what decisions read, inside the snapshot that also read the head. */
export type PolicyLoader<P> = (tx: TenantTx) => Promise<P>;
