import { pino } from 'pino';
import { ScheduledJob } from './scheduled-job.js';

const log = pino({ level: 'silent' });
const never = new AbortController().signal;

test('a run that takes too long and does not listen keeps no other from running', async () => {
  let runs = 0;
  const job = new ScheduledJob('deaf', 1_000, () => new Promise(() => void runs++), 20, log);
  await expect(job.run(never)).rejects.toThrow('deaf took longer than 20 ms');
  await expect(job.run(never)).rejects.toThrow('deaf took longer than 20 ms');
  expect(runs).toBe(2);
});

test('two runs at once are one; what it throws is told, and the next one runs', async () => {
  let runs = 0;
  let fail = (_error: Error): void => undefined;
  const job = new ScheduledJob(
    'once',
    1_000,
    () => new Promise((_, reject) => void ((fail = reject), runs++)),
    1_000,
    log,
  );
  const first = job.run(never);
  await job.run(never);
  fail(new Error('broken'));
  await expect(first).rejects.toThrow('broken');
  void job.run(never).catch(() => undefined);
  expect(runs).toBe(2);
  fail(new Error('ended'));
});
