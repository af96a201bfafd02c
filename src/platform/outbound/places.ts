import { OutboundError } from './outbound-error.js';

const CALLS_MAX = 4_096;
const CALLS_PER_TENANT_MAX = 1_024;

/** How many calls may be under way, in all and for one tenant, so that no tenant's slow upstream takes every place. */
export class Places {
  readonly #byTenant = new Map<string, number>();
  #all = 0;

  constructor(
    private readonly max = CALLS_MAX,
    private readonly perTenantMax = CALLS_PER_TENANT_MAX,
  ) {}

  /** Takes a place and answers with what gives it back, any number of times. */
  take(tenantId: string): () => void {
    const taken = this.#byTenant.get(tenantId) ?? 0;
    if (this.#all >= this.max || taken >= this.perTenantMax) throw new OutboundError('over_capacity');
    this.#set(tenantId, taken + 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.#set(tenantId, (this.#byTenant.get(tenantId) as number) - 1);
      isTaken = false;
    };
  }

  #set(tenantId: string, count: number): void {
    this.#all += count - (this.#byTenant.get(tenantId) ?? 0);
    if (count === 0) this.#byTenant.delete(tenantId);
    else this.#byTenant.set(tenantId, count);
  }
}
