import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { Inject, Injectable, type OnModuleDestroy, Optional } from '@nestjs/common';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { type ProofAnswer, ProofChecker, type ProofQuestion } from './proof-checker.js';
import { PACKAGE_ROOT } from '../platform/package-root.js';
import type { Answers, Questions } from './proof-worker.js';

/** The built program, from wherever this is run. */
const THREAD = path.join(PACKAGE_ROOT, 'dist/identity/proof-worker.js');

type Waiting = Readonly<{
  question: ProofQuestion;
  answer: (answer: ProofAnswer) => void;
  fail: (error: unknown) => void;
}>;

/**
 * Checks proofs beside the event loop when several come at once: a signature is a tenth of what a call costs this
 * thread. One that comes alone is checked here, which is sooner than asking; so is every one when the thread is gone.
 */
@Injectable()
export class ProofChecks implements OnModuleDestroy {
  readonly #here = new ProofChecker();
  readonly #asked = new Map<number, readonly Waiting[]>();
  #waiting: Waiting[] = [];
  #worker: Worker | null | undefined;
  #nextId = 0;

  constructor(
    @Inject(LOG) private readonly log: Log,
    @Optional() private readonly thread: string = THREAD,
  ) {}

  /** Whether there is a thread to ask now. */
  get hasThread(): boolean {
    return this.#worker !== null && this.#worker !== undefined;
  }

  /** Never fails for anything in the proof. */
  check(question: ProofQuestion): Promise<ProofAnswer> {
    return new Promise((answer, fail) => {
      this.#waiting.push({ question, answer, fail });
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    });
  }

  async onModuleDestroy(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 1 && this.#worker === undefined) this.#worker = this.#start();
    if (waiting.length === 1 || !this.#worker) return this.#checkHere(waiting);
    const id = (this.#nextId += 1);
    this.#asked.set(id, waiting);
    this.#worker.postMessage({ id, questions: waiting.map(({ question }) => question) } satisfies Questions);
  }

  #checkHere(waiting: readonly Waiting[]): void {
    for (const { question, answer, fail } of waiting) this.#here.check(question).then(answer, fail);
  }

  #start(): Worker {
    const worker = new Worker(this.thread);
    worker.unref();
    worker.on('message', ({ id, answers }: Answers) => {
      const waiting = this.#asked.get(id) ?? [];
      this.#asked.delete(id);
      waiting.forEach(({ answer }, index) => answer(answers[index] as ProofAnswer));
    });
    worker.once('error', (err) =>
      this.log.error({ err }, 'the thread that checks proofs ended; they are checked here'),
    );
    worker.once('exit', () => {
      this.#worker = null;
      const left = [...this.#asked.values()].flat();
      this.#asked.clear();
      this.#checkHere(left);
    });
    return worker;
  }
}
