import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Committers } from '../audit/committers.js';
import { Vault } from '../keys/vault.js';
import { BootId } from '../platform/boot-id.js';
import { concernsPlatform } from '../platform/database/policy-channel.js';
import { PolicyListener } from '../platform/database/policy-listener.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { NodeLease } from './node-lease.js';
import { forgetNode, type PlatformReading, registerNode, renewLease } from './node-leases.repository.js';

const RENEW_EVERY_MS = 500;
/** Between two renewals that were asked for: any login can notify as often as it likes. */
const RENEW_GAP_MS = 10;
const NOTHING_READ: PlatformReading = { platformSeq: 0, brakeId: null, brakeSeq: 0, sealSeq: 0, serverStartedAt: '' };
/** Between two tries to look into a database that was started again. */
const EXAMINE_AGAIN_MS = 500;

/**
 * Keeps this node's lease, and obeys what the platform chain orders: a global brake and a seal, wherever they were
 * given. Renewals go one after the other, so that what a later one read is never older than what an earlier one did.
 */
@Injectable()
export class PlatformWatch implements BeforeApplicationShutdown {
  readonly #lease = new NodeLease();
  #registered = false;
  #reading = NOTHING_READ;
  /** Everything up to here is obeyed, the decisions under way before it included. */
  #obeyedSeq = 0;
  #obeying = Promise.resolve();
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #lossTimer: NodeJS.Timeout | null = null;
  #closed = false;
  /** What has to be looked into when the database was started again, and the look that goes on. */
  #examine: () => Promise<void> = () => Promise.resolve();
  #examining: Promise<void> | null = null;

  constructor(
    private readonly database: TenantDatabase,
    private readonly listener: PolicyListener,
    private readonly inFlight: InFlightCalls,
    private readonly committers: Committers,
    private readonly vault: Vault,
    private readonly boot: BootId,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Gets the first lease; before, nothing may be decided. Then goes on until the shutdown. */
  async start(): Promise<void> {
    await this.renewNow();
    this.listener.subscribe((tenantId) => {
      if (concernsPlatform(tenantId)) void this.renewNow().catch(() => undefined);
    });
    this.#timer = setInterval(() => void this.renewNow().catch(() => undefined), RENEW_EVERY_MS).unref();
  }

  /** Every use was admitted by then. Without its row, nobody waits for this node. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#closed = true;
    for (const timer of [this.#timer, this.#lossTimer]) if (timer !== null) clearTimeout(timer);
    await Promise.allSettled([this.#running, this.#next]);
    this.#lease.giveUp();
    if (this.#registered) await this.#ask((client) => forgetNode(client, this.boot.value)).catch(() => undefined);
  }

  /**
   * Called when the database was started again under this node, which happens also when a backup is put in its place.
   * Until the look is over, nothing is admitted.
   */
  examineWith(examine: () => Promise<void>): void {
    this.#examine = examine;
  }

  /** Somebody saw that the data is not what it was. */
  lookInto(): void {
    if (this.#examining === null) this.#lookInto();
  }

  get holdsLease(): boolean {
    return this.#lease.holds;
  }

  get leaseAgeMs(): number {
    return this.#lease.ageMs;
  }

  get reading(): PlatformReading {
    return this.#reading;
  }

  /** Resolves when a renewal that began after the call was obeyed, but for the decisions still under way. */
  renewNow(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#renew().finally(() => (this.#running = null));
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => sleep(RENEW_GAP_MS))
      .then(() => {
        this.#next = null;
        return this.renewNow();
      });
    return this.#next;
  }

  async #renew(): Promise<void> {
    if (this.#closed) return;
    const hadLease = this.#lease.holds;
    if (!this.#registered) {
      await this.#ask((client) => registerNode(client, this.boot.value));
      this.#registered = true;
    }
    const sentAt = this.#lease.now();
    const reading = await this.#ask((client) => renewLease(client, this.boot.value, this.#obeyedSeq));
    if (reading === null) {
      this.#registered = false;
      throw new Error('this node was forgotten by the others');
    }
    const isFirst = this.#reading === NOTHING_READ;
    if (!isFirst && reading.serverStartedAt !== this.#reading.serverStartedAt) this.#lookInto();
    this.#obey(reading, isFirst);
    if (this.#examining !== null) return;
    this.#lease.renew(sentAt);
    this.#watchForLoss();
    if (!hadLease && !isFirst) this.log.info('this node has its lease again');
  }

  /** What must not wait happens before the lease is renewed; what is acknowledged comes after what it waits for. */
  #obey(reading: PlatformReading, isFirst: boolean): void {
    const before = this.#reading;
    this.#reading = reading;
    const braked = !isFirst && reading.brakeSeq > before.brakeSeq;
    const sealed = !isFirst && reading.sealSeq > before.sealSeq;
    if (braked) this.inFlight.cut({}, 'brake');
    if (sealed) this.#seal();
    this.#obeying = this.#obeying.then(async () => {
      if (braked || sealed) {
        await this.committers.drainAll();
        this.inFlight.cut({}, braked ? 'brake' : 'seal');
      }
      this.#obeyedSeq = reading.platformSeq;
      if (isFirst || braked || sealed) void this.renewNow().catch(() => undefined);
    });
  }

  #lookInto(): void {
    this.#lease.giveUp();
    const before = this.#examining ?? Promise.resolve();
    const look = before
      .then(() => this.#lookOnce())
      .finally(() => {
        if (this.#examining !== look) return;
        this.#examining = null;
        void this.renewNow().catch(() => undefined);
      });
    this.#examining = look;
  }

  async #lookOnce(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#examine();
        return;
      } catch (error) {
        this.log.warn(
          { err: error },
          'a database that was started again could not be looked into; nothing is admitted',
        );
        await sleep(EXAMINE_AGAIN_MS);
      }
    }
  }

  #seal(): void {
    try {
      if (this.vault.state() !== 'uninitialized') this.vault.seal('ordered in the platform chain');
    } catch (error) {
      this.log.error({ err: error }, 'not everybody here could be told of the seal');
    }
  }

  /** A node that cannot ask whether its calls may go on ends them. */
  #watchForLoss(): void {
    if (this.#lossTimer !== null) clearTimeout(this.#lossTimer);
    if (this.#closed) return;
    this.#lossTimer = setTimeout(() => {
      if (this.#lease.holds) return this.#watchForLoss();
      const cut = this.inFlight.cut({}, 'lease_lost');
      this.log.warn({ cut }, 'this node has lost its lease and admits nothing until it can renew it');
    }, this.#lease.remainingMs + 1).unref();
  }

  async #ask<T>(question: (client: Parameters<typeof renewLease>[0]) => Promise<T>): Promise<T> {
    const connection = await this.database.connection(PLATFORM_TENANT_ID, 'lease');
    let broken = true;
    try {
      const answer = await question(connection.client);
      broken = false;
      return answer;
    } finally {
      connection.release(broken);
    }
  }
}
