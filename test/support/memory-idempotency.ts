import { Module } from '@nestjs/common';
import {
  type IdempotencyBegin,
  type IdempotencyScope,
  IdempotencyStore,
  type KeptAnswer,
} from '../../src/platform/http/idempotency-store.js';

type Entry = { fingerprint: Buffer; answer?: KeptAnswer };

/** The contract of the store, in memory; the product's stands in PostgreSQL. */
export class MemoryIdempotencyStore extends IdempotencyStore {
  readonly entries = new Map<string, Entry>();

  async begin(scope: IdempotencyScope, key: string, fingerprint: Buffer): Promise<IdempotencyBegin> {
    const entry = this.entries.get(place(scope, key));
    if (!entry) {
      this.entries.set(place(scope, key), { fingerprint });
      return { state: 'new' };
    }
    if (!entry.fingerprint.equals(fingerprint)) return { state: 'mismatch' };
    return entry.answer ? { state: 'done', answer: entry.answer } : { state: 'in_progress' };
  }

  async finish(scope: IdempotencyScope, key: string, answer: KeptAnswer): Promise<void> {
    this.entries.get(place(scope, key))!.answer = answer;
  }

  async abandon(scope: IdempotencyScope, key: string): Promise<void> {
    this.entries.delete(place(scope, key));
  }
}

const place = (scope: IdempotencyScope, key: string) =>
  JSON.stringify([scope.tenantId, scope.principalId, scope.route, key]);

@Module({
  providers: [MemoryIdempotencyStore, { provide: IdempotencyStore, useExisting: MemoryIdempotencyStore }],
  exports: [MemoryIdempotencyStore, IdempotencyStore],
})
export class MemoryIdempotencyModule {}
