import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ATTEMPTS_MAX, ATTEMPTS_WINDOW_MS, PasswordAttempts } from './attempts.js';

let directory: string;
let now: number;
const attempts = () => new PasswordAttempts({ directory, now: () => now });
const refused = (seconds: number) => ({
  spec: {
    code: 'too_many_attempts',
    status: 429,
    headers: { 'Retry-After': String(seconds) },
  },
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'attempts-'));
  now = Date.UTC(2026, 0, 1);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('five wrong passwords in five minutes, then the sixth waits until the first is five minutes old', async () => {
  expect([ATTEMPTS_MAX, ATTEMPTS_WINDOW_MS]).toEqual([5, 300_000]);
  const limiter = attempts();
  for (let i = 0; i < 5; i += 1) {
    await limiter.charge();
    now += 10_000;
  }
  await expect(limiter.charge()).rejects.toMatchObject(refused(250));
  now += 249_500;
  await expect(limiter.charge()).rejects.toMatchObject(refused(1));
  now += 500;
  await limiter.charge();
  await expect(limiter.charge()).rejects.toMatchObject(refused(10));
});

test('a restart forgets no attempt', async () => {
  for (let i = 0; i < 5; i += 1) await attempts().charge();
  await expect(attempts().charge()).rejects.toMatchObject(refused(300));
});

test('the right password, and one that was never checked, give attempts back', async () => {
  const limiter = attempts();
  for (let i = 0; i < 4; i += 1) await limiter.charge();
  for (let i = 0; i < 10; i += 1) await limiter.release(await limiter.charge());
  await limiter.charge();
  await expect(limiter.charge()).rejects.toMatchObject(refused(300));
  await limiter.clear();
  for (let i = 0; i < 5; i += 1) await limiter.charge();
  await expect(limiter.charge()).rejects.toMatchObject(refused(300));
});

test('processes that try at once never get more than five through', async () => {
  const processes = [attempts(), attempts(), attempts()];
  const results = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => processes[i % 3]!.charge()));
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(5);
  expect((await readdir(join(directory, 'attempts'))).length).toBeLessThanOrEqual(5);
});

test('refused attempts do not prolong the wait, and old ones are cleared away', async () => {
  const limiter = attempts();
  for (let i = 0; i < 5; i += 1) await limiter.charge();
  now += 200_000;
  for (let i = 0; i < 20; i += 1) await expect(limiter.charge()).rejects.toMatchObject(refused(100));
  now += 100_000;
  await limiter.charge();
  expect(await readdir(join(directory, 'attempts'))).toHaveLength(1);
});

test('a clock that was set back locks nobody out for long; foreign files are left alone', async () => {
  const limiter = attempts();
  for (let i = 0; i < 5; i += 1) await limiter.charge();
  await writeFile(join(directory, 'attempts', 'README'), '');
  now -= 365 * 86_400_000;
  await limiter.charge();
  expect(await readdir(join(directory, 'attempts'))).toEqual(expect.arrayContaining(['README']));
  await limiter.clear();
  expect(await readdir(join(directory, 'attempts'))).toEqual(['README']);
});
