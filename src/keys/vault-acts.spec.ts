import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../platform/crypto/secret.js';
import { Acts, type Act, type EntryDraft } from '../tenancy/acts.js';
import type { Principal } from '../tenancy/principal.js';
import { AllNodes } from './all-nodes.js';
import { PasswordAttempts } from './attempts.js';
import { InitializeVault } from './initialize-vault.js';
import { Keyring } from './keyring.js';
import { LocalKeyProvider } from './local-key-provider.js';
import { SealVault } from './seal-vault.js';
import { TenantKeys } from './tenant-keys.js';
import { UnsealVault } from './unseal-vault.js';
import { Vault } from './vault.js';

const password = () => Secret.fromUtf8('correct horse battery staple');
const staff: Principal = {
  kind: 'member',
  tenantId: '00000000-0000-0000-0000-000000000000',
  id: '0198a000-0000-7000-8000-00000000000a',
  role: 'owner',
  name: 'ann@platform.test',
  sessionId: '0198a000-0000-7000-8000-00000000000b',
  factorAtMs: 0,
};

/** The chain is tested with its database; here it only has to be asked, in order, and to be able to fail. */
class RememberedActs extends Acts {
  readonly entries: EntryDraft[] = [];
  readonly announced: unknown[] = [];
  failing = false;

  override async run<T>(tenantId: string, work: (act: Act) => Promise<T>): Promise<T> {
    if (tenantId !== staff.tenantId) throw new Error('the vault is the platform’s');
    if (this.failing) throw new Error('the database does not answer');
    const append = async (draft: EntryDraft) => ({ seq: this.entries.push(draft), hash: '' });
    const client = { query: async (_sql: string, values: unknown[]) => void this.announced.push(values) };
    return work({ chain: { append }, nowMs: 0, tx: { tenantId, client } } as unknown as Act);
  }

  override begin(): Promise<void> {
    throw new Error('not here');
  }
}

class WaitedFor extends AllNodes {
  readonly positions: number[] = [];

  override async obeyed(platformSeq: number): Promise<void> {
    this.positions.push(platformSeq);
  }
}

let directory: string;
let nodes: WaitedFor;
let acts: RememberedActs;
let vault: Vault;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-acts-'));
  acts = new RememberedActs();
  nodes = new WaitedFor();
  const provider = new LocalKeyProvider({ directory, cost: { memoryKib: 64, passes: 1 } });
  const tenantKeys = new TenantKeys({ provider, keyring: new Keyring({ directory }) });
  const attempts = new PasswordAttempts({ directory, now: () => 1_700_000_000_000 });
  vault = new Vault({ provider, attempts, tenantKeys });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const initialize = () => new InitializeVault(vault, acts).execute(staff, password());
const unseal = (typed = password()) => new UnsealVault(vault, acts).execute(staff, typed);
const seal = () => new SealVault(vault, acts, nodes).execute(staff, 'end of shift');

test('each act leaves one entry, a repeated one leaves none, a wrong password is an entry of its own; a seal is an order each time', async () => {
  expect(await initialize()).toBe('unsealed');
  await expect(initialize()).rejects.toThrow('vault_already_initialized');
  expect(await seal()).toBe('sealed');
  expect(await seal()).toBe('sealed');
  await expect(unseal(Secret.fromUtf8('canary-wrong-password'))).rejects.toThrow('wrong_password');
  expect(await unseal()).toBe('unsealed');
  expect(await unseal()).toBe('unsealed');
  const actor = 'member:mem_0198a00000007000800000000000000a';
  expect(acts.entries).toEqual([
    { actor, action: 'vault.initialize', outcome: 'success', details: {} },
    { actor, action: 'vault.seal', outcome: 'success', details: { reason: 'end of shift' } },
    { actor, action: 'vault.seal', outcome: 'success', details: { reason: 'end of shift' } },
    { actor, action: 'vault.unseal', outcome: 'denied', details: { code: 'wrong_password' } },
    { actor, action: 'vault.unseal', outcome: 'success', details: {} },
  ]);
  expect(JSON.stringify(acts.entries)).not.toContain('canary');
  expect(acts.announced).toEqual([1, 2].map(() => ['chancery_policy', '0'.repeat(32)]));
  expect(nodes.positions).toEqual([2, 3]);
});

test('guesses past the limit are refused without an entry each', async () => {
  await initialize();
  for (let i = 0; i < 20; i += 1)
    await expect(unseal(Secret.fromUtf8('wrong-wrong-wrong'))).rejects.toThrow(/wrong_password|too_many_attempts/);
  expect(acts.entries.filter(({ outcome }) => outcome === 'denied')).toHaveLength(5);
});

test('no entry, no unsealing; but a seal happens though it cannot be recorded', async () => {
  acts.failing = true;
  await expect(initialize()).rejects.toThrow('does not answer');
  expect(vault.state()).toBe('uninitialized');
  acts.failing = false;
  await initialize();
  acts.failing = true;
  await expect(seal()).rejects.toThrow('does not answer');
  expect(vault.state()).toBe('sealed');
  await expect(unseal()).rejects.toThrow('does not answer');
  expect(vault.state()).toBe('sealed');
});
