import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { aroundStatements, isCaughtUp, isSwap, locksHead, type Statement } from './statements.js';

interface Step {
  readonly what: string;
  readonly go: () => void;
}

/** Rounds of the event loop in which nothing may move before the next choice is made. */
const QUIET_ROUNDS = 3;

/**
 * Runs operations on several nodes one step at a time: at each choice either the next operation begins, or one of the
 * statements that wait at a barrier goes on. What the operating system would decide, a list of numbers decides.
 */
export class StepScheduler {
  #steps: Step[] = [];
  #running = 0;
  /** Of these, the ones that cannot move while another transaction holds the head. */
  #needingHead = 0;
  /** Two for a moment, when who waited is told of the head before who gave it back. */
  #headHolders = 0;
  #moved = (): void => undefined;
  #on = false;
  /** What went on, in order. */
  readonly log: string[] = [];

  /** Statements of this tenant on this node wait at the points where orders differ. */
  control(app: INestApplicationContext, node: string, tenantId: string): void {
    aroundStatements(app, async (statement, run) => {
      if (statement.tenantId !== tenantId) return run();
      const point = pointOf(statement);
      if (point !== null) await this.#wait(`${node}: ${point}`);
      const answer = await this.#run(statement, run);
      if (isSwap(statement)) await this.#wait(`${node}: swapped`);
      return answer;
    });
  }

  /** Begins and interleaves the operations as `choices` say; resolves when everything is over. */
  async play(operations: readonly (() => Promise<unknown>)[], choices: readonly number[]): Promise<void> {
    this.#on = true;
    this.log.length = 0;
    let open = operations.length;
    const waiting = [...operations];
    for (let i = 0; ; i += 1) {
      await this.#quiet();
      const options = this.#steps.length + (waiting.length > 0 ? 1 : 0);
      if (options === 0 && open === 0) break;
      if (options === 0) {
        await sleep(1); // a connection opens, or an answer is on its way
        continue;
      }
      const choice = (choices[i % Math.max(1, choices.length)] ?? 0) % options;
      const [step] = choice < this.#steps.length ? this.#steps.splice(choice, 1) : [];
      if (step !== undefined) {
        this.log.push(step.what);
        step.go();
      } else
        void waiting
          .shift()?.()
          .finally(() => (open -= 1));
    }
    this.#on = false;
  }

  #wait(what: string): Promise<void> | undefined {
    if (!this.#on) return undefined;
    this.#moved();
    return new Promise((go) => this.#steps.push({ what, go }));
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
      const busy = this.#running > (this.#headHolders > 0 ? this.#needingHead : 0);
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
