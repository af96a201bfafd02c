import { parseOptions } from '@node-rs/argon2';
import { argon2idKey } from './argon2.js';
import { MEMBER_PASSWORD_COST, PasswordHasher } from './password-hash.js';
import { Secret } from './secret.js';

const cheap = { memoryKib: 64, passes: 1 };
const password = () => Secret.fromUtf8('correct horse battery staple');

test('members pay Argon2id with 64 MiB and three passes', async () => {
  expect(MEMBER_PASSWORD_COST).toEqual({ memoryKib: 65536, passes: 3 });
  const hasher = new PasswordHasher();
  expect(hasher.cost).toBe(MEMBER_PASSWORD_COST);
  const stored = await hasher.hash(password());
  expect(stored).toMatch(/^\$argon2id\$v=19\$/);
  expect(parseOptions(stored)).toMatchObject({
    algorithm: 2,
    memoryCost: 65536,
    timeCost: 3,
    parallelism: 1,
    outputLen: 32,
  });
});

test('the right password verifies, a wrong one and an empty one do not', async () => {
  const hasher = new PasswordHasher(cheap);
  const stored = await hasher.hash(password());
  expect(await hasher.verify(stored, password())).toBe(true);
  expect(await hasher.verify(stored, Secret.fromUtf8('correct horse battery stapl'))).toBe(false);
  expect(await hasher.verify(stored, Secret.fromUtf8(''))).toBe(false);
  expect(await hasher.hash(password())).not.toBe(stored);
});

test('an unknown member costs as much as a known one, also the first time', async () => {
  const time = async (hasher: PasswordHasher, stored: string | null) => {
    const start = process.cpuUsage();
    expect(await hasher.verify(stored, Secret.fromUtf8('wrong password'))).toBe(false);
    return process.cpuUsage(start).user;
  };
  // What else this process does in the meantime, such as collecting garbage, only adds to it.
  let [first, known] = [Infinity, Infinity];
  for (let round = 0; round < 3; round += 1) {
    const hasher = new PasswordHasher({ memoryKib: 32 * 1024, passes: 3 });
    first = Math.min(first, await time(hasher, null));
    known = Math.min(known, await time(hasher, await hasher.hash(password())));
  }
  expect(first).toBeGreaterThan(known / 3);
  expect(first).toBeLessThan(known * 3);
});

test('no password opens the dummy', async () => {
  const hasher = new PasswordHasher(cheap);
  for (const guess of ['', 'Z'.repeat(32), 'dummy'])
    expect(await hasher.verify(null, Secret.fromUtf8(guess))).toBe(false);
});

test('P20: a burst past the lane is refused, not queued without end', async () => {
  const hasher = new PasswordHasher(cheap);
  const burst = await Promise.allSettled(Array.from({ length: 60 }, () => hasher.verify(null, password())));
  const refused = burst.filter((one) => one.status === 'rejected');
  expect(refused).toHaveLength(60 - 34);
  expect(refused[0]).toMatchObject({ reason: { spec: { code: 'over_capacity' } } });
});

test('a key from a password depends on password, salt and cost, and matches the reference implementation', async () => {
  // `echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32`, from the reference repository's test.c (version 0x13).
  const key = await argon2idKey(Secret.fromUtf8('password'), Buffer.from('somesalt'), { memoryKib: 65536, passes: 2 });
  expect(key.bytes.toString('hex')).toBe('09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7');
});
