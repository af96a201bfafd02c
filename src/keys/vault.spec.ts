import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../platform/crypto/secret.js';
import { PasswordAttempts } from './attempts.js';
import { Keyring } from './keyring.js';
import { LocalKeyProvider } from './local-key-provider.js';
import { TenantKeys } from './tenant-keys.js';
import { Vault } from './vault.js';

const cost = { memoryKib: 1024, passes: 1 };
const tenantId = '0198a000-0000-7000-8000-00000000000a';
const password = () => Secret.fromUtf8('correct horse battery staple');
const wrong = () => Secret.fromUtf8('wrong horse battery staple');
const code = (expected: string) => ({ spec: { code: expected } });

let directory: string;
let now: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-'));
  now = Date.UTC(2026, 0, 1);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Each call is a process of its own on the same keyring. */
function start() {
  const provider = new LocalKeyProvider({ directory, cost });
  const tenantKeys = new TenantKeys({ provider, keyring: new Keyring({ directory }) });
  const attempts = new PasswordAttempts({ directory, now: () => now });
  return { provider, tenantKeys, vault: new Vault({ provider, attempts, tenantKeys }) };
}

test('P7: initialize, seal, unseal, restart, each with its state', async () => {
  const { vault } = start();
  expect(vault.state()).toBe('uninitialized');
  await expect(vault.unseal(password())).rejects.toMatchObject(code('vault_not_initialized'));
  expect(() => vault.seal('early')).toThrow('vault_not_initialized');
  expect(await vault.initialize(password())).toEqual({ state: 'unsealed', changed: true });
  await expect(vault.initialize(password())).rejects.toMatchObject(code('vault_already_initialized'));
  expect(vault.seal('lunch')).toEqual({ state: 'sealed', changed: true });
  expect(vault.seal('lunch')).toEqual({ state: 'sealed', changed: false });
  expect(await vault.unseal(password())).toEqual({ state: 'unsealed', changed: true });
  expect(await vault.unseal(password())).toEqual({ state: 'unsealed', changed: false });
  expect(start().vault.state()).toBe('sealed');
});

test('a short master password is refused before anything is written; characters count, not bytes', async () => {
  const { vault } = start();
  for (const short of ['', 'elevenchars', 'ääääääääääe', '🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑']) {
    await expect(vault.initialize(Secret.fromUtf8(short))).rejects.toMatchObject(code('weak_password'));
  }
  expect(await readdir(directory)).toEqual([]);
  await vault.initialize(Secret.fromUtf8('🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑'));
});

test('after five wrong passwords even the right one waits, across restarts, and the wait ends', async () => {
  await start().vault.initialize(password());
  const { vault } = start();
  for (let i = 0; i < 5; i += 1) {
    await expect(vault.unseal(wrong())).rejects.toMatchObject({ spec: { code: 'wrong_password', status: 403 } });
  }
  const refused = { spec: { code: 'too_many_attempts', status: 429, headers: { 'Retry-After': '300' } } };
  await expect(vault.unseal(password())).rejects.toMatchObject(refused);
  await expect(start().vault.unseal(password())).rejects.toMatchObject(refused);
  await expect(vault.changePassword(password(), password())).rejects.toMatchObject(refused);
  now += 5 * 60_000;
  expect(await vault.unseal(password())).toMatchObject({ state: 'unsealed' });
});

test('the right password forgives the wrong ones before it', async () => {
  const { vault } = start();
  await vault.initialize(password());
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < 4; i += 1) await expect(vault.unseal(wrong())).rejects.toMatchObject(code('wrong_password'));
    await vault.unseal(password());
  }
});

test('only wrong passwords count: not one turned away, nor one a seal overtook', async () => {
  await start().vault.initialize(password());
  const { vault, provider } = start();
  for (let i = 0; i < 8; i += 1) {
    const unsealing = vault.unseal(password());
    vault.seal('overtaken');
    await expect(unsealing).rejects.toMatchObject(code('vault_sealed_meanwhile'));
  }
  jest.spyOn(provider, 'unseal').mockRejectedValueOnce(new Error('disk'));
  await expect(vault.unseal(password())).rejects.toThrow('disk');
  expect(await readdir(join(directory, 'attempts'))).toEqual([]);
  expect(vault.state()).toBe('sealed');
  await vault.unseal(password());
});

test('the seal wins at whatever moment of an unseal it comes', async () => {
  await start().vault.initialize(password());
  for (let delayMs = 0; delayMs < 12; delayMs += 1) {
    const { vault } = start();
    const unsealing = vault.unseal(password()).then(
      () => 'unsealed',
      (error) => error.spec.code,
    );
    await new Promise((done) => setTimeout(done, delayMs));
    vault.seal('test');
    expect(vault.state()).toBe('sealed');
    expect(['unsealed', 'vault_sealed_meanwhile']).toContain(await unsealing);
    expect(vault.state()).toBe('sealed');
  }
});

test('the seal wins over an initialize that is running', async () => {
  const { vault } = start();
  const initializing = vault.initialize(password());
  expect(() => vault.seal('test')).toThrow('vault_not_initialized');
  await expect(initializing).rejects.toMatchObject(code('vault_sealed_meanwhile'));
  expect(vault.state()).toBe('sealed');
});

test('on seal the keys are gone before the listeners hear of it; each hears once, though one fails', async () => {
  const { vault, tenantKeys } = start();
  await vault.initialize(password());
  const kek = await tenantKeys.kek(tenantId);
  const heard: string[] = [];
  vault.onSeal(() => {
    throw new Error('first');
  });
  const end = vault.onSeal((reason) => heard.push(`${reason} ${vault.state()} ${kek.key.isZeroed}`));
  expect(() => vault.seal('breach')).toThrow('not everybody');
  expect(vault.state()).toBe('sealed');
  vault.seal('again');
  expect(heard).toEqual(['breach sealed true']);
  end();
  await vault.unseal(password());
  expect(() => vault.seal('third')).toThrow('not everybody');
  expect(heard).toHaveLength(1);
});

test('changing the password needs the old one and a strong new one', async () => {
  const { vault } = start();
  await vault.initialize(password());
  await expect(vault.changePassword(password(), Secret.fromUtf8('short'))).rejects.toMatchObject(code('weak_password'));
  await expect(vault.changePassword(wrong(), wrong())).rejects.toMatchObject(code('wrong_password'));
  await vault.changePassword(password(), wrong());
  await expect(start().vault.unseal(password())).rejects.toMatchObject(code('wrong_password'));
  expect(await start().vault.unseal(wrong())).toMatchObject({ state: 'unsealed' });
});

test('what must be recorded is, before any key can be used and only when something changes', async () => {
  const { vault, tenantKeys } = start();
  const recorded: string[] = [];
  const record = (name: string) => async () => {
    await expect(tenantKeys.kek(tenantId)).rejects.toMatchObject(code('vault_sealed'));
    recorded.push(name);
  };
  await vault.initialize(password(), record('initialize'));
  vault.seal('test');
  const both = await Promise.all([vault.unseal(password(), record('a')), vault.unseal(password(), record('b'))]);
  expect(both.filter(({ changed }) => changed)).toHaveLength(1);
  await expect(vault.unseal(wrong(), record('wrong'))).rejects.toMatchObject(code('wrong_password'));
  expect(recorded).toEqual(['initialize', both[0].changed ? 'a' : 'b']);
});

test('what cannot be recorded does not happen', async () => {
  const fail = () => Promise.reject(new Error('no audit'));
  const first = start().vault;
  await expect(first.initialize(password(), fail)).rejects.toThrow('no audit');
  expect(first.state()).toBe('uninitialized');
  await first.initialize(password());
  const { vault } = start();
  await expect(vault.unseal(password(), fail)).rejects.toThrow('no audit');
  expect(vault.state()).toBe('sealed');
  expect(await readdir(join(directory, 'attempts'))).toEqual([]);
});

test('a seal while the act is being recorded still wins', async () => {
  await start().vault.initialize(password());
  const { vault } = start();
  await expect(vault.unseal(password(), async () => void vault.seal('now'))).rejects.toMatchObject(
    code('vault_sealed_meanwhile'),
  );
  expect(vault.state()).toBe('sealed');
});
