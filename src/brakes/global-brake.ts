import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { activeBrakes } from './brakes-policy.js';

const REFRESH_EVERY_MS = 1_000;

export interface GlobalBrakeState {
  /** The brake that is on, or null. */
  readonly brakeId: string | null;
  /** Position in the platform chain this was read at; every use names it. */
  readonly platformSeq: number;
}

/**
 * What this node knows of the global brake. Engaging it takes effect here at once, before anything is awaited; the
 * platform's database is read again every second, for brakes that were pulled elsewhere.
 */
@Injectable()
export class GlobalBrake implements OnModuleDestroy {
  #state: GlobalBrakeState = { brakeId: null, platformSeq: 0 };
  /** Acts of this node between "stop admitting" and their commit. */
  #engaging = 0;
  #version = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly database: TenantDatabase) {}

  /** Reads the state and keeps it fresh. Until it was read once, nothing may be decided. */
  async start(): Promise<void> {
    await this.refresh();
    this.#timer = setInterval(() => void this.refresh().catch(() => undefined), REFRESH_EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  get state(): GlobalBrakeState {
    return this.#state;
  }

  /** True when no use may be admitted. */
  get isOn(): boolean {
    return this.#engaging > 0 || this.#state.brakeId !== null;
  }

  /** Stops admitting on this node while `act` makes the brake durable; after it, the durable state decides. */
  async engage<T>(act: () => Promise<T>): Promise<T> {
    this.#engaging += 1;
    try {
      const result = await act();
      await this.refresh();
      return result;
    } finally {
      this.#engaging -= 1;
    }
  }

  async refresh(): Promise<void> {
    const version = (this.#version += 1);
    const read = await this.database.inTenant(
      PLATFORM_TENANT_ID,
      async (tx) => {
        const { rows } = await tx.client.query<{ seq: string }>('select seq from chain_head where tenant_id = $1', [
          PLATFORM_TENANT_ID,
        ]);
        const on = (await activeBrakes(tx)).find((brake) => brake.scope === 'global');
        return { brakeId: on?.id ?? null, platformSeq: Number(rows[0]?.seq ?? 0) };
      },
      { isolation: 'repeatable read', readOnly: true, lane: 'control' },
    );
    // A slower, older read must not undo a newer one.
    if (version === this.#version) this.#state = read;
  }
}
