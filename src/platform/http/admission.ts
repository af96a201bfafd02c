import type { FastifyReply } from 'fastify';
import { overCapacity } from '../database/database.errors.js';
import type { ProblemError } from './problem.js';
import { routeSettings } from './route-config.js';

/** Requests of yielding routes under way in one process, whatever they wait for. */
export const IN_FLIGHT_MAX = 4_096;
/** Below this, a late event loop is somebody else's doing, and refusing would not help it. */
const CROWD_MIN = 64;
/** How late the event loop may be: what is admitted past it would only make everything later. */
const LATE_MAX_MS = 200;
const SAMPLE_EVERY_MS = 20;
/** A refusal that comes at once invites the next try at once; this many wait, so that trying costs the caller time. */
const HOLD_MS = 500;
const HELD_MAX = 1_024;

/** Method decorator: this route's requests are refused while the process has more to do than it can. All others go on. */
export const YieldsUnderLoad = (): MethodDecorator => routeSettings({ yieldsUnderLoad: true });

/**
 * Load shedding. The routes that make the load give way to those that end it: brakes, vault, health and everything
 * else are admitted always. A refusal is made before the body is read or anything is verified.
 */
export class Admission {
  #inFlight = 0;
  #held = 0;
  #shed = 0;
  #lateMs = 0;
  #sampledAt = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly inFlightMax = IN_FLIGHT_MAX) {
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS).unref();
  }

  /** Lets a request in, until its answer is out or its client gone; or refuses, after a while. */
  enter(reply: FastifyReply, done: (refusal?: ProblemError) => void): void {
    const crowded = this.#inFlight >= this.inFlightMax;
    const late = this.#lateMs > LATE_MAX_MS && this.#inFlight >= CROWD_MIN;
    if (crowded || late) return this.#refuse(done);
    this.#inFlight += 1;
    reply.raw.once('close', () => (this.#inFlight -= 1));
    done();
  }

  /** Requests that were refused. */
  get shed(): number {
    return this.#shed;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #refuse(done: (refusal: ProblemError) => void): void {
    this.#shed += 1;
    const refusal = overCapacity('The server has more to do than it can. Nothing was done.');
    if (this.#held >= HELD_MAX) return done(refusal);
    this.#held += 1;
    setTimeout(() => {
      this.#held -= 1;
      done(refusal);
    }, HOLD_MS);
  }

  #sample(): void {
    const now = performance.now();
    this.#lateMs = now - this.#sampledAt - SAMPLE_EVERY_MS;
    this.#sampledAt = now;
  }
}
