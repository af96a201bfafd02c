import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { Acts } from './acts.js';

const FLUSH_EVERY_MS = 60_000;

/**
 * Counts requests that authenticated nobody, by what the guard answered. They enter no tenant's chain, since anybody can
 * cause them; the platform chain gets one entry a minute and cause.
 */
@Injectable()
export class FailedSignIns implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly acts: Acts,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Each process counts for itself, so each has a timer of its own. */
  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#flushOrKeep(), FLUSH_EVERY_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#flushOrKeep();
  }

  /** `code` is one of our own error codes, so there are only a few. */
  count(code: string): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** Writes down what was counted since the last time. */
  async flush(): Promise<void> {
    const counts = this.#counts;
    if (counts.size === 0) return;
    this.#counts = new Map();
    await this.acts.run(PLATFORM_TENANT_ID, async ({ chain }) => {
      for (const [code, count] of counts) {
        const details = { code, count };
        await chain.append({ actor: 'system:guard', action: 'authentication.failed', outcome: 'denied', details });
      }
    });
  }

  async #flushOrKeep(): Promise<void> {
    const before = this.#counts;
    await this.flush().catch((error: unknown) => {
      for (const [code, count] of before) this.#counts.set(code, (this.#counts.get(code) ?? 0) + count);
      this.log.warn({ fault: (error as Error).name }, 'failed sign-ins could not be written down yet');
    });
  }
}
