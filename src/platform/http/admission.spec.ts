import { EventEmitter } from 'node:events';
import type { FastifyReply } from 'fastify';
import { eventually } from '../../../test/support/eventually.js';
import { Admission } from './admission.js';
import type { ProblemError } from './problem.js';

const admissions: Admission[] = [];

function admissionOf(max?: number): Admission {
  const made = new Admission(max);
  admissions.push(made);
  return made;
}

afterEach(() => {
  for (const admission of admissions.splice(0)) admission.stop();
});

/** Asks to be let in, and hands back the connection and what was said. */
function ask(admission: Admission): { raw: EventEmitter; said: Promise<ProblemError | undefined> } {
  const raw = new EventEmitter();
  const said = new Promise<ProblemError | undefined>((resolve) =>
    admission.enter({ raw } as unknown as FastifyReply, resolve),
  );
  return { raw, said };
}

/** Keeps the event loop from turning. */
function stall(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

test('P20: past its limit a process refuses with 503 and Retry-After, until somebody leaves', async () => {
  const admission = admissionOf(2);
  const [first, second] = [ask(admission), ask(admission)];
  expect(await Promise.all([first.said, second.said])).toEqual([undefined, undefined]);
  const refusal = await ask(admission).said;
  expect(refusal?.spec).toMatchObject({ status: 503, code: 'over_capacity', headers: { 'Retry-After': '1' } });
  first.raw.emit('close');
  expect(await ask(admission).said).toBeUndefined();
  expect(admission.shed).toBe(1);
});

test('a late event loop refuses a crowd, and lets it in again when it has caught up', async () => {
  const admission = admissionOf();
  for (let call = 0; call < 64; call += 1) await ask(admission).said;
  const afterStall = async () => {
    stall(300);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 0));
    return (await ask(admission).said)?.spec.status;
  };
  // Whoever is kept from running between the stall and the question asks an event loop that is in time again.
  expect(await eventually(afterStall, (status) => status === 503)).toBe(503);
  const isIn = (refusal: unknown) => refusal === undefined;
  expect(await eventually(() => ask(admission).said, isIn)).toBeUndefined();
});

test('a few calls on a machine that stalls are no crowd', async () => {
  const admission = admissionOf();
  stall(300);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await ask(admission).said).toBeUndefined();
});
