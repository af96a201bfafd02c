import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyring } from './keyring.js';
import { KeyringError } from './keys.errors.js';

const tenantId = '0198a000-0000-7000-8000-00000000000a';
const otherTenant = '0198a000-0000-7000-8000-00000000000b';
let directory: string;
const keyring = () => new Keyring({ directory });
const folder = () => join(directory, 'kek', tenantId);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('versions are listed in order, ten after nine, and read back after a restart', async () => {
  expect(await keyring().versions(tenantId)).toEqual([]);
  for (const version of [9, 10, 1]) await keyring().create(tenantId, version, Buffer.of(version));
  expect(await keyring().versions(tenantId)).toEqual([1, 9, 10]);
  expect(await keyring().read(tenantId, 10)).toEqual(Buffer.of(10));
  expect(await keyring().versions(otherTenant)).toEqual([]);
  expect((await stat(join(folder(), '1.json'))).mode & 0o777).toBe(0o600);
  expect((await stat(folder())).mode & 0o777).toBe(0o700);
});

test('many create the first version at once: all of them get the winner’s', async () => {
  const offers = Array.from({ length: 20 }, () => randomBytes(61));
  const got = await Promise.all(offers.map((offer) => keyring().create(tenantId, 1, offer)));
  const winner = await keyring().read(tenantId, 1);
  expect(offers.some((offer) => offer.equals(winner))).toBe(true);
  for (const one of got) expect(one).toEqual(winner);
  expect(await readdir(folder())).toEqual(['1.json']);
});

test('a file that a crash left half-written is no version', async () => {
  await mkdir(folder(), { recursive: true });
  await writeFile(join(folder(), '.1.json.0011223344556677.tmp'), '{"format":"chanc', { mode: 0o600 });
  expect(await keyring().versions(tenantId)).toEqual([]);
  await keyring().create(tenantId, 1, Buffer.of(1));
  expect(await keyring().versions(tenantId)).toEqual([1]);
});

test('a missing, damaged, misplaced or open file is refused by name', async () => {
  await expect(keyring().read(tenantId, 1)).rejects.toThrow(`no key 1 of tenant ${tenantId}`);
  await keyring().create(tenantId, 1, Buffer.of(1));
  await cp(folder(), join(directory, 'kek', otherTenant), { recursive: true });
  await expect(keyring().read(otherTenant, 1)).rejects.toThrow('damaged or misplaced');
  await cp(join(folder(), '1.json'), join(folder(), '2.json'));
  await expect(keyring().read(tenantId, 2)).rejects.toThrow(KeyringError);
  await writeFile(join(folder(), '2.json'), 'null');
  await expect(keyring().read(tenantId, 2)).rejects.toThrow(KeyringError);
  await chmod(join(folder(), '1.json'), 0o640);
  await expect(keyring().read(tenantId, 1)).rejects.toThrow('chmod 600');
});

test('no tenant id and no version leads out of the keyring', async () => {
  for (const bad of ['', '..', '../../etc', tenantId.toUpperCase(), `${tenantId}/..`, tenantId.replaceAll('-', '')]) {
    await expect(keyring().read(bad, 1)).rejects.toThrow('UUID');
    await expect(keyring().destroy(bad)).rejects.toThrow('UUID');
  }
  for (const version of [0, -1, 1.5, NaN, 1e21]) {
    await expect(keyring().create(tenantId, version, Buffer.of(1))).rejects.toThrow('whole number');
  }
});

test('crypto-shred leaves no wrapped key, touches no other tenant, and no key is made again', async () => {
  const marker = randomBytes(48);
  for (const version of [1, 2]) await keyring().create(tenantId, version, marker);
  await keyring().create(otherTenant, 1, marker);
  await writeFile(join(folder(), '.3.json.aa.tmp'), marker.toString('base64'), { mode: 0o600 });
  await keyring().destroy(tenantId);
  expect(await readdir(folder())).toEqual(['destroyed']);
  await expect(keyring().versions(tenantId)).rejects.toThrow('were destroyed');
  await expect(keyring().create(tenantId, 3, marker)).rejects.toThrow(KeyringError);
  expect(await readdir(folder())).toEqual(['destroyed']);
  expect(await readFile(join(folder(), 'destroyed'), 'utf8')).toBe('');
  expect(await keyring().read(otherTenant, 1)).toEqual(marker);
  await keyring().destroy(tenantId);
});

test('the content is overwritten before its name goes', async () => {
  await keyring().create(tenantId, 1, Buffer.alloc(48, 7));
  // A second name for the same bytes shows what the shred left of them.
  const { link } = await import('node:fs/promises');
  await link(join(folder(), '1.json'), join(directory, 'witness'));
  await keyring().destroy(tenantId);
  expect((await readFile(join(directory, 'witness'))).includes(Buffer.alloc(48, 7).toString('base64'))).toBe(false);
});
