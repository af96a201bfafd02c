import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/support/eventually.js';
import { Secret } from '../platform/crypto/secret.js';
import { openCredential, rewrapDek, sealCredential } from './envelope.js';
import { Keyring } from './keyring.js';
import { LocalKeyProvider } from './local-key-provider.js';
import { KEK_GRACE_MS, KEK_TTL_MS, TenantKeys } from './tenant-keys.js';

const cost = { memoryKib: 64, passes: 1 };
const tenantId = '0198a000-0000-7000-8000-00000000000a';
const otherTenant = '0198a000-0000-7000-8000-00000000000b';
const password = () => Secret.fromUtf8('correct horse battery staple');
const sealed = { spec: { code: 'vault_sealed', status: 503 } };
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

let directory: string;
let provider: LocalKeyProvider;
let keyring: Keyring;
const tenantKeys = (more: Partial<ConstructorParameters<typeof TenantKeys>[0]> = {}) =>
  new TenantKeys({ provider, keyring, ...more });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenant-keys-'));
  provider = new LocalKeyProvider({ directory, cost });
  keyring = new Keyring({ directory });
  await provider.initialize(password());
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('the first need makes version 1 and everybody after it gets the same key', async () => {
  const first = await tenantKeys().kek(tenantId);
  expect(first).toMatchObject({ tenantId, version: 1 });
  expect(first.key.bytes).toHaveLength(32);
  const other = await tenantKeys().kek(otherTenant);
  expect(other.key.bytes).not.toEqual(first.key.bytes);
  expect((await tenantKeys().kek(tenantId)).key.bytes).toEqual(first.key.bytes);
  expect((await tenantKeys().kek(tenantId, 1)).key.bytes).toEqual(first.key.bytes);
});

test('the fresh key’s bytes are wiped once they are wrapped, also those of a maker that came second', async () => {
  const made: Buffer[] = [];
  const random = (bytes: number) => {
    made.push(Buffer.alloc(bytes, made.length + 1));
    return made.at(-1)!;
  };
  await Promise.all(Array.from({ length: 3 }, () => tenantKeys({ random }).kek(tenantId)));
  expect(made.length).toBeGreaterThan(0);
  expect(Buffer.concat(made).every((byte) => byte === 0)).toBe(true);
});

test('two nodes that make version 1 at once agree on one key', async () => {
  const keks = await Promise.all(Array.from({ length: 10 }, () => tenantKeys().kek(tenantId)));
  for (const kek of keks) expect(kek.key.bytes).toEqual(keks[0]!.key.bytes);
});

test('callers at once share one unwrap, and later ones the cache', async () => {
  const unwraps = jest.spyOn(provider, 'unwrapKek');
  const keys = tenantKeys();
  const keks = await Promise.all(Array.from({ length: 10 }, () => keys.kek(tenantId)));
  expect(new Set(keks).size).toBe(1);
  expect(await keys.kek(tenantId)).toBe(keks[0]);
  expect(unwraps).toHaveBeenCalledTimes(1);
});

test('a failed load is not remembered', async () => {
  const keys = tenantKeys();
  await expect(keys.kek(tenantId, 1)).rejects.toThrow('no key 1');
  await keys.kek(tenantId);
  await expect(keys.kek(tenantId, 1)).resolves.toMatchObject({ version: 1 });
});

test('P7: sealed, nothing is made, read or served from the cache', async () => {
  const keys = tenantKeys();
  const kek = await keys.kek(tenantId);
  provider.seal();
  await expect(keys.kek(tenantId)).rejects.toMatchObject(sealed);
  await expect(keys.kek(otherTenant)).rejects.toMatchObject(sealed);
  await expect(keys.rotate(tenantId)).rejects.toMatchObject(sealed);
  expect(keys.isUnsealed()).toBe(false);
  keys.forget();
  expect(kek.key.isZeroed).toBe(true);
  expect(await readdir(join(directory, 'kek'))).toEqual([tenantId]);
});

test('a KEK leaves the cache after minutes, stays good for whoever holds it, then is wiped', async () => {
  expect([KEK_TTL_MS, KEK_GRACE_MS]).toEqual([300_000, 60_000]);
  const keys = tenantKeys({ ttlMs: 40, graceMs: 60_000 });
  const kek = await keys.kek(tenantId);
  await eventually(
    () => keys.kek(tenantId),
    (again) => again !== kek,
  );
  expect(kek.key.isZeroed).toBe(false);
  keys.forget();
  const held = await tenantKeys({ ttlMs: 40, graceMs: 80 }).kek(tenantId);
  await eventually(() => held.key.isZeroed, Boolean);
});

test('a seal wipes also the keys that left the cache but are still in hands', async () => {
  const keys = tenantKeys({ max: 1, graceMs: 60_000 });
  const kek = await keys.kek(tenantId);
  await keys.kek(otherTenant);
  expect(kek.key.isZeroed).toBe(false);
  provider.seal();
  keys.forget();
  expect(kek.key.isZeroed).toBe(true);
});

test('a seal during the read of a KEK wins', async () => {
  const keys = tenantKeys();
  await keys.kek(tenantId);
  keys.forget();
  const loading = keys.kek(tenantId);
  provider.seal();
  keys.forget();
  await expect(loading).rejects.toMatchObject(sealed);
});

test('a seal during the unwrap of a KEK wins, and the key that comes out late is wiped', async () => {
  // A root of trust that answers over a network: the key arrives after the seal.
  let late: Secret | undefined;
  const slow = jest.spyOn(provider, 'unwrapKek').mockImplementation(async () => {
    await sleep(20);
    return (late = new Secret(Buffer.alloc(32, 1)));
  });
  const keys = tenantKeys();
  const loading = keys.kek(tenantId);
  await sleep(10);
  while (slow.mock.calls.length === 0) await sleep(1);
  provider.seal();
  keys.forget();
  await expect(loading).rejects.toMatchObject(sealed);
  expect(late?.isZeroed).toBe(true);
});

test('sealed and unsealed again during an unwrap: the caller gets a key that was read anew', async () => {
  const keys = tenantKeys();
  const before = Buffer.from((await keys.kek(tenantId)).key.bytes);
  keys.forget();
  const real = provider.unwrapKek.bind(provider);
  const unwraps = jest.spyOn(provider, 'unwrapKek').mockImplementationOnce(async (...args) => {
    const key = await real(...args);
    provider.seal();
    keys.forget();
    await provider.unseal(password());
    return key;
  });
  const kek = await keys.kek(tenantId);
  expect(unwraps).toHaveBeenCalledTimes(2);
  expect(kek.key.bytes).toEqual(before);
});

test('rotation: what version 1 sealed opens by dual read, and after the re-wrap without version 1', async () => {
  const keys = tenantKeys();
  const place = { tenantId, credentialId: 'c', version: 1, binding: {} };
  const old = {
    ...place,
    ...sealCredential({ ...place, kek: await keys.kek(tenantId), plaintext: Secret.fromUtf8('v') }),
  };
  const [next, racing] = await Promise.all([keys.rotate(tenantId), tenantKeys().rotate(tenantId)]);
  expect(next.version).toBe(2);
  expect(racing.key.bytes).toEqual(next.key.bytes);
  expect(await keys.kek(tenantId)).toBe(next);
  const from = await keys.kek(tenantId, old.kekVersion);
  expect(openCredential({ ...old, kek: from }).bytes.toString()).toBe('v');
  const moved = { ...old, ...rewrapDek({ place, from, to: next, wrappedDek: old.wrappedDek }) };
  expect(openCredential({ ...moved, kek: next }).bytes.toString()).toBe('v');
});

test('crypto-shred wipes the cached key, on disk and in hands, and leaves other tenants alone', async () => {
  const keys = tenantKeys();
  const kek = await keys.kek(tenantId);
  const other = await keys.kek(otherTenant);
  await keys.destroy(tenantId);
  expect(kek.key.isZeroed).toBe(true);
  expect(other.key.isZeroed).toBe(false);
  await expect(keys.kek(tenantId)).rejects.toThrow('destroyed');
  expect(await keys.kek(otherTenant)).toBe(other);
});
