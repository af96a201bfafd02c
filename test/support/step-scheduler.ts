import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { TenantPools } from '../../src/platform/database/tenant-pools.js';
import { aroundStatements, isCaughtUp, isSwap, locksHead, type Statement } from './statements.js';

interface Step {
  readonly node: string;
  readonly what: string;
  readonly go: () => void;
}

/**
 * What happens next: something begins, or one of the statements that wait on a node goes on, counted from the oldest.
 * Where none waits nothing does, so a cue that is taken out of a play leaves the others what they were.
 */
export type Cue = (() => Promise<unknown>) | { readonly node: string; readonly which: number };

/** Rounds of the event loop in which nothing may move before the next cue. */
const QUIET_ROUNDS = 3;

/**
 * Runs operations on several nodes one step at a time: at each cue either the next operation begins, or one of the
 * statements that wait at a barrier goes on. What the operating system would decide, a list of cues decides.
 */
export class StepScheduler {
  #steps: Step[] = [];
  #running = 0;
  /** Of these, the ones that cannot move while another transaction holds the head. */
  #needingHead = 0;
  /** Two for a moment, when who waited is told of the head before who gave it back. */
  #headHolders = 0;
  /** Connections asked for and not had yet, of these pools. */
  #acquiring = 0;
  readonly #pools = new Set<TenantPools>();
  #moved = (): void => undefined;
  #on = false;
  /** What went on, in order. */
  readonly log: string[] = [];

  /** Statements of this tenant on this node wait at the points where orders differ. */
  control(app: INestApplicationContext, node: string, tenantId: string): void {
    this.#watchPool(app.get(TenantPools, { strict: false }), tenantId);
    aroundStatements(app, async (statement, run) => {
      if (statement.tenantId !== tenantId) return run();
      const point = pointOf(statement);
      if (point !== null) await this.#wait(node, point);
      const answer = await this.#run(statement, run);
      if (isSwap(statement)) await this.#wait(node, 'swapped');
      return answer;
    });
  }

  /** Follows the cues, then lets everything go on in its order; resolves when everything is over. */
  async play(cues: readonly Cue[]): Promise<void> {
    this.#on = true;
    this.log.length = 0;
    let open = 0;
    for (const cue of cues) {
      await this.#quiet();
      if (typeof cue === 'function') {
        open += 1;
        void cue().finally(() => (open -= 1));
      } else {
        const here = this.#steps.filter(({ node }) => node === cue.node);
        this.#goOn(here[cue.which % Math.max(1, here.length)]);
      }
    }
    for (;;) {
      await this.#quiet();
      if (this.#steps.length > 0) this.#goOn(this.#steps[0]);
      else if (open === 0) break;
      else await sleep(1); // an answer is on its way
    }
    this.#on = false;
  }

  #watchPool(pools: TenantPools, tenantId: string): void {
    const acquire = pools.acquire.bind(pools);
    pools.acquire = async (of, lane) => {
      if (of !== tenantId) return acquire(of, lane);
      this.#acquiring += 1;
      try {
        return await acquire(of, lane);
      } finally {
        this.#acquiring -= 1;
        this.#moved();
      }
    };
    this.#pools.add(pools);
  }

  /** Whoever waits in a pool moves only when somebody else has; everybody else who has no connection yet is about to. */
  get #connecting(): boolean {
    return this.#acquiring > [...this.#pools].reduce((sum, { waiting }) => sum + waiting, 0);
  }

  #goOn(step: Step | undefined): void {
    if (step === undefined) return;
    this.#steps.splice(this.#steps.indexOf(step), 1);
    this.log.push(`${step.node}: ${step.what}`);
    step.go();
  }

  #wait(node: string, what: string): Promise<void> | undefined {
    if (!this.#on) return undefined;
    this.#moved();
    return new Promise((go) => this.#steps.push({ node, what, go }));
  }

  /** A statement that needs the head while another transaction holds it moves only when that one has moved. */
  async #run<R>({ what, transaction }: Statement, run: () => Promise<R>): Promise<R> {
    const locks = locksHead(what);
    const needsHead = locks || what === 'audit-cas';
    this.#running += 1;
    if (needsHead) this.#needingHead += 1;
    try {
      const answer = await run();
      if (locks) this.#headHolders += 1;
      return answer;
    } finally {
      this.#running -= 1;
      if (needsHead) this.#needingHead -= 1;
      this.#moved();
      const held = transaction.some(locksHead);
      if (held && (what === 'commit' || what === 'rollback')) this.#headHolders -= 1;
    }
  }

  async #quiet(): Promise<void> {
    for (let rounds = 0; rounds < QUIET_ROUNDS;) {
      const busy = this.#connecting || this.#running > (this.#headHolders > 0 ? this.#needingHead : 0);
      await new Promise<void>((resolve) => {
        if (busy) this.#moved = resolve;
        else setImmediate(resolve);
      });
      rounds = busy ? 0 : rounds + 1;
    }
  }
}

function pointOf(statement: Statement): string | null {
  if (isSwap(statement)) return 'swap';
  if (isCaughtUp(statement)) return 'end of the look';
  if (locksHead(statement.what)) return `lock by ${statement.lane}`;
  const locked = statement.transaction.some(locksHead);
  return statement.what === 'commit' && locked ? `commit by ${statement.lane}` : null;
}
