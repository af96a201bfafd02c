import { hkdfSync } from 'node:crypto';
import { chmod, chown, mkdtemp, readdir, rm, stat, symlink, writeFile, lchown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type PlatformLabel, PlatformSecret } from './platform-secret.js';

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'platform-secret-'));
  file = join(dir, 'platform.secret');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('a generated secret is 32 bytes, 0600, and read back as the same secret', async () => {
  const made = await PlatformSecret.generateFile(file);
  const { mode, size } = await stat(file);
  expect([mode & 0o777, size]).toEqual([0o600, 32]);
  expect((await PlatformSecret.fromFile(file)).derive('nonce-mac')).toEqual(made.derive('nonce-mac'));
  expect(await readdir(dir)).toEqual(['platform.secret']);
});

test('generating never replaces a secret that is there', async () => {
  const made = await PlatformSecret.generateFile(file);
  await expect(PlatformSecret.generateFile(file)).rejects.toMatchObject({ code: 'EEXIST' });
  expect((await PlatformSecret.fromFile(file)).derive('key-wrap')).toEqual(made.derive('key-wrap'));
  expect(await readdir(dir)).toEqual(['platform.secret']);
});

test.each([0o640, 0o604, 0o660, 0o666, 0o620])('mode %o is refused with the way out', async (mode) => {
  await writeFile(file, Buffer.alloc(32, 7));
  await chmod(file, mode);
  await expect(PlatformSecret.fromFile(file)).rejects.toThrow(/open to group or others.*chmod 600/);
});

test.each([0, 31, 33, 64])('a file of %i bytes is refused', async (size) => {
  await writeFile(file, Buffer.alloc(size, 7), { mode: 0o600 });
  await expect(PlatformSecret.fromFile(file)).rejects.toThrow(`has ${size} bytes`);
});

test('a directory is refused, a missing file is ENOENT', async () => {
  await chmod(dir, 0o700);
  await expect(PlatformSecret.fromFile(dir)).rejects.toThrow('not a regular file');
  await expect(PlatformSecret.fromFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a symlink of our own is followed', async () => {
  await PlatformSecret.generateFile(file);
  await symlink(file, join(dir, 'link'));
  await expect(PlatformSecret.fromFile(join(dir, 'link'))).resolves.toBeInstanceOf(PlatformSecret);
});

test('a symlink that belongs to another user is refused', async () => {
  // Only root can make one.
  if (process.getuid?.() !== 0) return;
  await PlatformSecret.generateFile(file);
  const link = join(dir, 'link');
  await symlink(file, link);
  await lchown(link, 12345, 12345);
  await chown(file, 0, 0);
  await expect(PlatformSecret.fromFile(link)).rejects.toThrow('belongs to another user (uid 12345)');
});

test('derive is HKDF-SHA256 with one info string a label, and no two labels agree', async () => {
  await writeFile(file, Buffer.alloc(32, 7), { mode: 0o600 });
  const secret = await PlatformSecret.fromFile(file);
  const expected = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 7), '', 'chancery/platform-secret/v1/key-wrap', 32));
  expect(secret.derive('key-wrap')).toEqual(expected);
  const labels: PlatformLabel[] = [
    'role-password/chancery_directory',
    'role-password/t_00000000000000000000000000000000',
    'nonce-mac',
    'api-key-mac',
    'idempotency-mac',
    'cursor-mac',
    'key-wrap',
    'totp-wrap',
  ];
  expect(new Set(labels.map((label) => secret.derive(label).toString('hex'))).size).toBe(labels.length);
  expect(secret.derive('nonce-mac', 48)).toHaveLength(48);
});

test('an unknown label is refused at run time too', async () => {
  const secret = await PlatformSecret.generateFile(file);
  for (const label of ['', 'nonce', 'role-password/', 'role-password/a/b', 'role-password/Ä', 'key-wrap/x']) {
    expect(() => secret.derive(label as PlatformLabel)).toThrow('Nothing may be derived');
  }
});

test('the secret does not show when printed', async () => {
  await writeFile(file, 'canary-canary-canary-canary-cana', { mode: 0o600 });
  const secret = await PlatformSecret.fromFile(file);
  expect(inspect(secret, { depth: null, showHidden: true }) + JSON.stringify(secret)).not.toContain('canary');
});
