// A thread that checks proofs; `proof-checks.ts` starts it.
import { parentPort } from 'node:worker_threads';
import { type ProofAnswer, ProofChecker, type ProofQuestion } from './proof-checker.js';

/** Questions that came up together, and the number by which their answers are asked for. */
export interface Questions {
  readonly id: number;
  readonly questions: readonly ProofQuestion[];
}

export interface Answers {
  readonly id: number;
  readonly answers: readonly ProofAnswer[];
}

const checker = new ProofChecker();

parentPort?.on('message', ({ id, questions }: Questions) => {
  void Promise.all(questions.map((question) => checker.check(question))).then((answers) =>
    parentPort?.postMessage({ id, answers } satisfies Answers),
  );
});
