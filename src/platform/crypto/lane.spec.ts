import { Lane } from './lane.js';

test('P20: runs so many at once, lets so many wait in order, refuses the rest without starting them', async () => {
  const lane = new Lane({ running: 2, waiting: 2, retryAfterSeconds: 3 });
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const job = (n: number) =>
    lane.run(async () => {
      started.push(n);
      await new Promise<void>((end) => ends.push(end));
      return n;
    });
  const jobs = [job(0), job(1), job(2), job(3)];
  await expect(job(4)).rejects.toMatchObject({
    spec: { code: 'over_capacity', status: 503, headers: { 'Retry-After': '3' } },
  });
  expect(started).toEqual([0, 1]);
  ends[0]!();
  await jobs[0];
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2]);
  const late = job(5);
  ends[1]!();
  await jobs[1];
  await new Promise((tick) => setImmediate(tick));
  ends[2]!();
  ends[3]!();
  await Promise.all([jobs[2], jobs[3]]);
  await new Promise((tick) => setImmediate(tick));
  ends[4]!();
  expect(await late).toBe(5);
  expect(started).toEqual([0, 1, 2, 3, 5]);
});

test('work that fails gives its place back', async () => {
  const lane = new Lane({ running: 1, waiting: 0, retryAfterSeconds: 1 });
  await expect(lane.run(() => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
  await expect(lane.run(async () => 'next')).resolves.toBe('next');
  const held = lane.run(() => new Promise<void>((end) => setTimeout(end, 5)));
  await expect(lane.run(async () => 1)).rejects.toMatchObject({ spec: { code: 'over_capacity' } });
  await held;
});
