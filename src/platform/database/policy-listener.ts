import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig, type QueryConfig } from 'pg';
import type { Log } from '../telemetry/logger.js';
import { POLICY_CHANNEL, type PolicyChanged, tenantNamed } from './policy-channel.js';

/** Shorter than a lease: a connection that died without a word must not keep the node deaf for long. */
const PULSE_EVERY_MS = 500;
const PULSE_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RETRY_MS = [20, 50, 100, 200, 400] as const;

/**
 * The node's one listening connection: it hears from the database which tenants' policies changed, on whichever node
 * that was done. While it is deaf, and when it hears again, it reports that every tenant's may have changed.
 */
export class PolicyListener {
  readonly #subscribers = new Set<PolicyChanged>();
  #running: Promise<void> | null = null;
  #stopping = new AbortController();
  #client: Client | null = null;

  constructor(
    private readonly login: ClientConfig,
    private readonly log: Log,
  ) {}

  /** Called in the order things commit. Must not throw. */
  subscribe(changed: PolicyChanged): void {
    this.#subscribers.add(changed);
  }

  /** Goes on until `stop`, whatever becomes of the connection. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#client?.end().catch(() => undefined);
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stopped;) {
      const heard = await this.#listen().catch((error: unknown) => {
        if (!this.#stopped) this.log.warn({ err: error }, 'the listening connection failed');
        return false;
      });
      if (this.#stopped) return;
      failures = heard ? 0 : failures + 1;
      this.#tell(null);
      const pause = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
      await sleep(pause, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  /** Resolves when a connection that listened is lost. */
  async #listen(): Promise<true> {
    const client = new Client({ ...this.login, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
    const lost = new AbortController();
    client.once('end', () => lost.abort()).on('error', () => lost.abort());
    client.on('notification', ({ payload }) => {
      const tenantId = tenantNamed(payload ?? '');
      if (tenantId !== null) this.#tell(tenantId);
    });
    this.#client = client;
    const signal = AbortSignal.any([lost.signal, this.#stopping.signal]);
    try {
      await client.connect();
      await client.query(`listen ${POLICY_CHANNEL}`);
      this.#tell(null);
      while (!signal.aborted) {
        await sleep(PULSE_EVERY_MS, undefined, { signal, ref: false });
        await client.query({ text: 'select', query_timeout: PULSE_TIMEOUT_MS } as QueryConfig);
      }
      return true;
    } catch (error) {
      if (lost.signal.aborted) return true;
      throw error;
    } finally {
      this.#client = null;
      void client.end().catch(() => undefined);
    }
  }

  #tell(tenantId: string | null): void {
    for (const changed of this.#subscribers) changed(tenantId);
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }
}
