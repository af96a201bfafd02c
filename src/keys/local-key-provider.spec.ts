import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../platform/crypto/secret.js';
import { LocalKeyProvider } from './local-key-provider.js';
import { MASTER_PASSWORD_COST } from './root-file.js';

const cost = { memoryKib: 1024, passes: 1 };
const tenantId = '0198a000-0000-7000-8000-00000000000a';
const otherTenant = '0198a000-0000-7000-8000-00000000000b';
const password = () => Secret.fromUtf8('correct horse battery staple');
const wrong = () => Secret.fromUtf8('correct horse battery stable');
const code = (expected: string) => expect.objectContaining({ spec: expect.objectContaining({ code: expected }) });

let directory: string;
const provider = () => new LocalKeyProvider({ directory, cost });
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'local-key-')), 'keyring');
});
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

async function initialized() {
  const made = provider();
  await made.initialize(password());
  return made;
}

test('the master password costs 256 MiB and three passes, and its check leaves the event loop free', async () => {
  expect(MASTER_PASSWORD_COST).toEqual({ memoryKib: 262144, passes: 3 });
  const real = new LocalKeyProvider({ directory });
  const before = performance.eventLoopUtilization();
  await real.initialize(password());
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
  const { kdf } = JSON.parse(await readFile(join(directory, 'root.json'), 'utf8'));
  expect(kdf).toMatchObject({ name: 'argon2id', memory_kib: 262144, passes: 3 });
});

test('P7: uninitialized, then unsealed, and sealed again after every restart until the password comes', async () => {
  const first = provider();
  expect(first.state()).toBe('uninitialized');
  await expect(first.unseal(password())).rejects.toEqual(code('vault_not_initialized'));
  await first.initialize(password());
  expect(first.state()).toBe('unsealed');
  const kek = new Secret(randomBytes(32));
  const wrapped = await first.wrapKek(tenantId, 1, kek);

  const restarted = provider();
  expect(restarted.state()).toBe('sealed');
  await expect(restarted.unwrapKek(tenantId, 1, wrapped)).rejects.toEqual(code('vault_sealed'));
  await expect(restarted.wrapKek(tenantId, 1, kek)).rejects.toEqual(code('vault_sealed'));
  await expect(restarted.unseal(wrong())).rejects.toEqual(code('wrong_password'));
  expect(restarted.state()).toBe('sealed');
  await restarted.unseal(password());
  expect((await restarted.unwrapKek(tenantId, 1, wrapped)).bytes).toEqual(kek.bytes);
  restarted.seal();
  expect(restarted.state()).toBe('sealed');
  await expect(restarted.unwrapKek(tenantId, 1, wrapped)).rejects.toEqual(code('vault_sealed'));
});

test('sealing wipes the root key in place', async () => {
  const made: Buffer[] = [];
  const random = (bytes: number) => {
    made.push(randomBytes(bytes));
    return made.at(-1)!;
  };
  const local = new LocalKeyProvider({ directory, cost, random });
  await local.initialize(password());
  const root = made.find((bytes) => bytes.length === 32)!;
  expect(root.some((byte) => byte !== 0)).toBe(true);
  local.seal();
  expect(root.every((byte) => byte === 0)).toBe(true);
});

test('the keyring holds neither password nor root key, and only its owner may read it', async () => {
  let root = '';
  const random = (bytes: number) => {
    const made = randomBytes(bytes);
    if (bytes === 32) root = made.toString('hex');
    return made;
  };
  await new LocalKeyProvider({ directory, cost, random }).initialize(password());
  expect(await readdir(directory)).toEqual(['root.json']);
  const content = await readFile(join(directory, 'root.json'), 'utf8');
  expect(content).not.toContain('correct horse');
  const wrapped = Buffer.from(JSON.parse(content).wrapped, 'base64').toString('hex');
  expect(root).toHaveLength(64);
  expect(wrapped).not.toContain(root.slice(0, 16));
  expect((await stat(join(directory, 'root.json'))).mode & 0o777).toBe(0o600);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

test('initializing again is refused and leaves the first password in force', async () => {
  await initialized();
  await expect(provider().initialize(wrong())).rejects.toEqual(code('vault_already_initialized'));
  await expect(provider().unseal(password())).resolves.toBeUndefined();
});

test('two processes initialize at once: one wins, the other is told, one root key exists', async () => {
  const [left, right] = [provider(), provider()];
  const results = await Promise.allSettled([left.initialize(password()), right.initialize(wrong())]);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: code('vault_already_initialized'),
  });
  const leftWon = results[0].status === 'fulfilled';
  expect([left.state(), right.state()]).toEqual(leftWon ? ['unsealed', 'sealed'] : ['sealed', 'unsealed']);
  await (leftWon ? right.unseal(password()) : left.unseal(wrong()));
  const wrapped = await left.wrapKek(tenantId, 1, new Secret(Buffer.alloc(32, 5)));
  expect((await right.unwrapKek(tenantId, 1, wrapped)).bytes).toEqual(Buffer.alloc(32, 5));
});

test('P6: a wrapped KEK opens for its tenant and version only, and only as a whole', async () => {
  const local = await initialized();
  const wrapped = await local.wrapKek(tenantId, 1, new Secret(randomBytes(32)));
  await expect(local.unwrapKek(otherTenant, 1, wrapped)).rejects.toThrow('does not open');
  await expect(local.unwrapKek(tenantId, 2, wrapped)).rejects.toThrow('does not open');
  await expect(local.unwrapKek(tenantId, 1, wrapped.subarray(1))).rejects.toThrow('does not open');
  const short = await local.wrapKek(tenantId, 1, new Secret(randomBytes(16)));
  await expect(local.unwrapKek(tenantId, 1, short)).rejects.toThrow('does not open');
});

test('unsealing twice at once is well; unsealing an unsealed vault still checks the password', async () => {
  await initialized();
  const local = provider();
  await Promise.all([local.unseal(password()), local.unseal(password())]);
  expect(local.state()).toBe('unsealed');
  await expect(local.unseal(wrong())).rejects.toEqual(code('wrong_password'));
  expect(local.state()).toBe('unsealed');
  await local.unseal(password());
  await expect(local.wrapKek(tenantId, 1, new Secret(randomBytes(32)))).resolves.toBeInstanceOf(Buffer);
});

test('a seal wins over every unseal that was asked for before it, also one still waiting', async () => {
  await initialized();
  const local = provider();
  const running = [local.unseal(password()), local.unseal(password())];
  const settled = Promise.allSettled(running);
  await new Promise((tick) => setImmediate(tick));
  local.seal();
  for (const one of await settled)
    expect(one).toMatchObject({ status: 'rejected', reason: code('vault_sealed_meanwhile') });
  expect(local.state()).toBe('sealed');
  await local.unseal(password());
  expect(local.state()).toBe('unsealed');
});

test('a seal wins over an initialize that is running: it comes up sealed', async () => {
  const local = provider();
  const running = local.initialize(password());
  local.seal();
  await expect(running).rejects.toEqual(code('vault_sealed_meanwhile'));
  expect(local.state()).toBe('sealed');
  await local.unseal(password());
});

test('P20: past one running and four waiting, passwords are turned away', async () => {
  await initialized();
  const local = provider();
  const burst = await Promise.allSettled(Array.from({ length: 8 }, () => local.unseal(password())));
  expect(burst.map(({ status }) => status)).toEqual([...Array(5).fill('fulfilled'), ...Array(3).fill('rejected')]);
  expect(burst[7]).toMatchObject({ reason: code('over_capacity') });
});

test('changing the password keeps the root key, in either state', async () => {
  const local = await initialized();
  const wrapped = await local.wrapKek(tenantId, 1, new Secret(Buffer.alloc(32, 5)));
  const next = () => Secret.fromUtf8('a wholly different password');
  await expect(local.changePassword(wrong(), next())).rejects.toEqual(code('wrong_password'));
  await local.changePassword(password(), next());
  expect(local.state()).toBe('unsealed');
  const restarted = provider();
  await expect(restarted.unseal(password())).rejects.toEqual(code('wrong_password'));
  await restarted.changePassword(next(), password());
  expect(restarted.state()).toBe('sealed');
  await restarted.unseal(password());
  expect((await restarted.unwrapKek(tenantId, 1, wrapped)).bytes).toEqual(Buffer.alloc(32, 5));
  expect(await readdir(directory)).toEqual(['root.json']);
});

test('a root file that was altered or opened to others does not unseal', async () => {
  await initialized();
  const path = join(directory, 'root.json');
  const content = await readFile(path, 'utf8');
  const file = JSON.parse(content);
  const attempt = async (text: string) => {
    await writeFile(path, text, { mode: 0o600 });
    return provider().unseal(password());
  };
  const bent = Buffer.from(file.wrapped, 'base64');
  bent[20]! ^= 1;
  await expect(attempt(JSON.stringify({ ...file, wrapped: bent.toString('base64') }))).rejects.toEqual(
    code('wrong_password'),
  );
  await expect(attempt(JSON.stringify({ ...file, kdf: { ...file.kdf, passes: 2 } }))).rejects.toEqual(
    code('wrong_password'),
  );
  for (const text of [
    '',
    '{',
    '[]',
    JSON.stringify({ ...file, v: 2 }),
    JSON.stringify({ ...file, kdf: { ...file.kdf, memory_kib: 2 ** 31 } }),
  ]) {
    await expect(attempt(text)).rejects.toThrow('damaged or of another version');
  }
  await expect(attempt('x'.repeat(5000))).rejects.toThrow('at most 4096');
  await attempt(content);
  await chmod(path, 0o644);
  await expect(provider().unseal(password())).rejects.toThrow('chmod 600');
});
