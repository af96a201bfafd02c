import { Injectable } from '@nestjs/common';
import { overCapacity } from '../platform/database/database.errors.js';
import { type CutReason, InFlightCalls } from '../platform/outbound/in-flight.js';
import { PlatformWatch } from './platform-watch.js';

/**
 * The global brake as this node knows it, and with it the node's leave to admit uses at all.
 *
 * What is promised (P4, design 7), with S the brake's position in the platform chain, C that of its clearing:
 * 1. Every use names the platform position it was decided under, which was read in one snapshot with the brake's state.
 *    So no entry of any tenant names a position in [S, C): anybody can see that from exports alone.
 * 2. Once the activation was answered, no node begins to decrypt or to dial until the brake is cleared. Every known node
 *    has either acknowledged S, having stopped before it did, or has been without a lease since: a lease that was given
 *    in ignorance of S was asked for before S committed, so it is over `LEASE_MS` after that.
 * 3. A use decided under a position before S may still become durable after it, when its statement was on its way. It is
 *    not carried out: lease and brake are asked again after the commit, before decrypting, and in the stretch of code
 *    that writes the request's first byte. Its outcome is `cut`, or `unknown` when its node is gone.
 * What no lease can promise: the operating system may stop a process between that last question and the write behind it.
 */
@Injectable()
export class GlobalBrake {
  /** Acts of this node between "stop admitting" and their commit. */
  #engaging = 0;

  constructor(
    private readonly watch: PlatformWatch,
    inFlight: InFlightCalls,
  ) {
    inFlight.stopWhen(() => this.#whyNot());
  }

  /** Until the state was read once, nothing may be decided. */
  async start(): Promise<void> {
    await this.watch.start();
  }

  /** Position in the platform chain that the state was read at; every use names it. */
  get platformSeq(): number {
    return this.watch.reading.platformSeq;
  }

  /** True when no use may be admitted. */
  get isOn(): boolean {
    return this.#engaging > 0 || this.watch.reading.brakeId !== null;
  }

  /** After a pause of the process or the database the lease may only want renewing. */
  async seekLease(): Promise<void> {
    if (!this.watch.holdsLease) await this.watch.renewNow().catch(() => undefined);
  }

  /** Throws 503 when this node cannot know whether it may admit anything. */
  assertLease(): void {
    if (!this.watch.holdsLease) throw overCapacity('This node has lost touch with the others. Nothing was done.');
  }

  /** Stops admitting on this node while `act` makes the brake durable; after it, the durable state decides. */
  async engage<T>(act: () => Promise<T>): Promise<T> {
    this.#engaging += 1;
    try {
      return await act();
    } finally {
      // Also after an act that failed: its commit may have landed all the same.
      await this.watch.renewNow().catch(() => undefined);
      this.#engaging -= 1;
    }
  }

  async refresh(): Promise<void> {
    await this.watch.renewNow();
  }

  #whyNot(): CutReason | null {
    if (!this.watch.holdsLease) return 'lease_lost';
    return this.isOn ? 'brake' : null;
  }
}
