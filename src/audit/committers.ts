import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { CommitCounts } from './commit-counts.js';
import { Committer, type PolicyLoader } from './committer.js';
import type { ChainEnd } from './policy-memory.js';

const IDLE_COMMITTERS_MAX = 2_000;

/** The committers of this process, one a tenant. `P` is the policy that the room above decides by. */
@Injectable()
export class Committers<P = unknown> implements BeforeApplicationShutdown {
  /** Holds what is at work; an idle one may be forgotten, and its policy with it. */
  readonly #idle = new LRUCache<string, Committer<P>>({ max: IDLE_COMMITTERS_MAX });
  readonly #busy = new Map<string, Committer<P>>();
  #load: PolicyLoader<P> | null = null;
  readonly counts = new CommitCounts();
  #tellPutBack: () => void = () => undefined;
  readonly #watchers: ((tenantId: string) => void)[] = [];

  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  /** Called when a chain is found to end before where it was seen. */
  whenPutBack(tell: () => void): void {
    this.#tellPutBack = tell;
  }

  /** Says how the policy is loaded; once, at start. */
  decideBy(load: PolicyLoader<P>): void {
    this.#load = load;
  }

  /** `watch` is told when the committer of a tenant begins to work; entries of it follow. It must not take long. */
  whenBusy(watch: (tenantId: string) => void): void {
    this.#watchers.push(watch);
  }

  of(tenantId: string): Committer<P> {
    const known = this.#busy.get(tenantId) ?? this.#idle.get(tenantId);
    if (known !== undefined) return known;
    if (this.#load === null) throw new Error('no policy was named to decide by');
    const notify = {
      putBack: () => this.#tellPutBack(),
      busy: () => {
        this.#busy.set(tenantId, made);
        for (const watch of this.#watchers) watch(tenantId);
      },
      idle: () => {
        this.#busy.delete(tenantId);
        this.#idle.set(tenantId, made);
      },
    };
    const made = new Committer<P>(tenantId, this.database, this.#load, () => this.clock.now(), notify, this.counts);
    this.#idle.set(tenantId, made);
    return made;
  }

  /** Decisions of all tenants that wait for a batch. */
  get waiting(): number {
    return [...this.#busy.values()].reduce((sum, committer) => sum + committer.waiting, 0);
  }

  /** By tenant, where each chain ended when its committer last looked; a chain that ends earlier has been put back. */
  ends(): ReadonlyMap<string, ChainEnd> {
    const ends = new Map<string, ChainEnd>();
    for (const [tenantId, committer] of this.#all()) {
      const end = committer.end;
      if (end !== null) ends.set(tenantId, end);
    }
    return ends;
  }

  /** What is remembered of policies and spent proofs is of another database: before the next decision it is read anew. */
  forgetAll(): void {
    for (const [, committer] of this.#all()) committer.forget();
  }

  *#all(): Generator<[string, Committer<P>]> {
    yield* this.#busy;
    yield* this.#idle.entries();
  }

  /** Resolves when what this process has of a tenant is in the chain: whoever reads then, misses nothing of it. */
  async drained(tenantId: string): Promise<void> {
    await this.#busy.get(tenantId)?.drained();
  }

  /** Resolves when no decision taken before the call can still take effect. */
  async drainAll(): Promise<void> {
    await Promise.all([...this.#busy.values()].map((committer) => committer.drained()));
  }

  /** Before the connections are closed. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.drainAll();
  }
}
