import { Injectable } from '@nestjs/common';
import { and, eq, gt, asc } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { orUnavailable, violatedConstraint } from '../platform/database/database.errors.js';
import { ServiceDatabase } from '../platform/database/service-database.js';
import { storedId } from '../platform/ids.js';
import { nameTaken } from './tenancy.errors.js';
import { tenants } from './tenants.table.js';

export interface Tenant {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: Date;
}

const CACHED_MAX = 10_000;

/** Which tenants exist. Names never change owner, so what was found may be kept. */
@Injectable()
export class Directory {
  readonly #found = new LRUCache<string, Tenant>({ max: CACHED_MAX });

  constructor(private readonly services: ServiceDatabase) {}

  /** By namespace (`acme`) or id (`ten_…`). */
  async find(reference: string): Promise<Tenant | null> {
    const id = storedId('ten', reference);
    return id === undefined ? this.#look(reference, eq(tenants.namespace, reference)) : this.byId(id);
  }

  byId(id: string): Promise<Tenant | null> {
    return this.#look(id, eq(tenants.id, id));
  }

  async list(afterId: string | undefined, limit: number): Promise<Tenant[]> {
    const after = afterId === undefined ? undefined : gt(tenants.id, afterId);
    return orUnavailable(
      this.services.directory.select().from(tenants).where(and(after)).orderBy(asc(tenants.id)).limit(limit),
    );
  }

  async add(tenant: Tenant): Promise<void> {
    try {
      await orUnavailable(this.services.directory.insert(tenants).values(tenant));
    } catch (error) {
      if (violatedConstraint(error) === 'tenants_namespace_unique') throw nameTaken('namespace');
      throw error;
    }
  }

  async #look(key: string, where: ReturnType<typeof eq>): Promise<Tenant | null> {
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const [tenant] = await orUnavailable(this.services.directory.select().from(tenants).where(where));
    if (tenant === undefined) return null;
    this.#found.set(key, tenant);
    return tenant;
  }
}
