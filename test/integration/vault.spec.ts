import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { SetUpPlatform } from '../../src/tenancy/set-up-platform.js';
import {
  callerOn,
  entriesOf,
  furnishedTenant,
  type IdentityApp,
  signedIn,
  startIdentity,
  type TestTenant,
} from '../support/identity.js';

jest.setTimeout(120_000);

const PASSWORD = 'Ein großer Schlüsselbund';
const WRONG = 'canary-of-a-wrong-password';
const keyring = mkdtempSync(path.join(tmpdir(), 'chancery-vault-'));

let identity: IdentityApp;
let staff: TestTenant;
let tenant: TestTenant;
const start = async () => {
  identity = await startIdentity({ CHANCERY_KEYRING_DIR: keyring });
  await identity.app.get(SetUpPlatform, { strict: false }).execute();
  staff = await furnishedTenant(identity, PLATFORM_TENANT_ID);
  tenant = await furnishedTenant(identity);
};
beforeAll(start);
afterAll(async () => {
  await identity?.close();
  rmSync(keyring, { recursive: true, force: true });
});

const refusal = (status: number, code: string) => ({ status, body: { code, status } });
const store = (name: string) =>
  tenant.admin('POST', '/v1/credentials', { name, value: 'sk-live-0123456789abcdef', allowed_domains: ['api.a.test'] });
const vaultEntries = async () =>
  (await entriesOf(identity, PLATFORM_TENANT_ID)).filter(({ action }) => action.startsWith('vault.'));

test('before it has a password the vault says so on both surfaces, and needs one for anything', async () => {
  for (const caller of [tenant.admin, tenant.human, staff.admin, staff.human]) {
    expect(await caller('GET', '/v1/vault')).toMatchObject({ status: 200, body: { state: 'uninitialized' } });
  }
  expect((await fetch(`${identity.at.public}/v1/vault`)).status).toBe(404);
  expect((await fetch(`${identity.at.ops}/v1/vault`)).status).toBe(401);
  expect(await store('too_early')).toMatchObject(refusal(503, 'vault_sealed'));
  expect(await staff.human('POST', '/v1/vault/unseal', { password: PASSWORD })).toMatchObject(
    refusal(409, 'vault_not_initialized'),
  );
  expect(await staff.human('POST', '/v1/vault/seal', { reason: 'early' })).toMatchObject(
    refusal(409, 'vault_not_initialized'),
  );
});

test.each(['initialize', 'unseal'])('to %s is a human act of the operator’s staff, and nobody else’s', async (act) => {
  const body = { password: PASSWORD };
  const target = `/v1/vault/${act}`;
  const ops = (token: string) => callerOn(identity.at.ops, token)('POST', target, body);
  expect(await staff.admin('POST', target, body)).toMatchObject(refusal(403, 'human_required'));
  expect(await ops(await signedIn(identity, PLATFORM_TENANT_ID, 'owner', 301_000))).toMatchObject(
    refusal(403, 'factor_stale'),
  );
  expect(await ops(await signedIn(identity, PLATFORM_TENANT_ID, 'auditor'))).toMatchObject(refusal(403, 'forbidden'));
  expect(await ops(await signedIn(identity, tenant.id, 'owner'))).toMatchObject(refusal(401, 'unauthenticated'));
  expect(await tenant.human('POST', target, body)).toMatchObject(refusal(404, 'not_found'));
  expect((await staff.human('GET', '/v1/vault')).body).toEqual({ state: 'uninitialized' });
});

test.each<[string, unknown]>([
  ['without a password', {}],
  ['with an empty one', { password: '' }],
  ['with a number', { password: 12 }],
  ['with a very long one', { password: 'x'.repeat(1025) }],
  ['with another member', { password: PASSWORD, hint: 'x' }],
  ['that is a list', []],
  ['that is null', null],
])('a body %s is refused', async (_, body) => {
  expect(await staff.human('POST', '/v1/vault/initialize', body)).toMatchObject(refusal(400, 'invalid_request'));
});

test('a short password is refused; a good one unseals at once; a second one is refused', async () => {
  const initialize = (password: string) => staff.human('POST', '/v1/vault/initialize', { password });
  expect(await initialize('elevenchars')).toMatchObject(refusal(400, 'weak_password'));
  expect(readdirSync(keyring)).toEqual([]);
  expect(await initialize(PASSWORD)).toMatchObject({ status: 200, body: { state: 'unsealed' } });
  expect(await initialize(WRONG)).toMatchObject(refusal(409, 'vault_already_initialized'));
  expect(await store('first_key')).toMatchObject({ status: 201 });
});

test('P7: sealed, what would encrypt answers 503; agents, brakes, listings and audit go on', async () => {
  expect(await staff.admin('POST', '/v1/vault/seal', { reason: '' })).toMatchObject(refusal(400, 'invalid_request'));
  expect(await staff.admin('POST', '/v1/vault/seal', { reason: 'end of shift' })).toMatchObject({
    status: 200,
    body: { state: 'sealed' },
  });
  expect((await tenant.admin('GET', '/v1/vault')).body).toEqual({ state: 'sealed' });
  expect(await store('second_key')).toMatchObject(refusal(503, 'vault_sealed'));
  const value = { value: 'sk-live-fedcba9876543210', grace_seconds: 0 };
  expect(await tenant.admin('POST', '/v1/credentials/first_key/rotate', value)).toMatchObject(
    refusal(503, 'vault_sealed'),
  );
  expect(await tenant.admin('POST', '/v1/agents', { name: 'late' })).toMatchObject({ status: 201 });
  expect(await tenant.admin('POST', '/v1/brakes', { scope: 'tenant', reason: 'drill' })).toMatchObject({ status: 201 });
  expect(await tenant.admin('GET', '/v1/credentials')).toMatchObject({ status: 200 });
  expect(await tenant.admin('GET', '/v1/audit/verification')).toMatchObject({ status: 200, body: { verdict: 'ok' } });
  const ready = await fetch(`${identity.at.ops}/health/ready`);
  expect([ready.status, await ready.json()]).toMatchObject([200, { checks: { vault: 'sealed' } }]);
});

test('five wrong passwords, then 429 for the right one too, until five minutes have passed', async () => {
  const unseal = (password: string, human = staff.human) => human('POST', '/v1/vault/unseal', { password });
  for (let i = 0; i < 5; i += 1) expect(await unseal(WRONG)).toMatchObject(refusal(403, 'wrong_password'));
  const refused = await unseal(PASSWORD);
  expect(refused).toMatchObject(refusal(429, 'too_many_attempts'));
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(240);
  identity.clock.aheadMs = 300_000;
  const later = callerOn(identity.at.ops, await signedIn(identity, PLATFORM_TENANT_ID, 'admin', -300_000));
  // Typed on a keyboard that composes its letters otherwise.
  expect(await unseal(PASSWORD.normalize('NFD'), later)).toMatchObject({ status: 200, body: { state: 'unsealed' } });
  expect(await store('second_key')).toMatchObject({ status: 201 });
});

test('every act stands in the platform’s chain once, and no password anywhere', async () => {
  const entries = await vaultEntries();
  expect(entries.map(({ action, outcome, details }) => ({ action, outcome, details }))).toEqual([
    { action: 'vault.initialize', outcome: 'success', details: {} },
    { action: 'vault.seal', outcome: 'success', details: { reason: 'end of shift' } },
    ...Array.from({ length: 5 }, () => ({
      action: 'vault.unseal',
      outcome: 'denied',
      details: { code: 'wrong_password' },
    })),
    { action: 'vault.unseal', outcome: 'success', details: {} },
  ]);
  expect(JSON.stringify(entries)).not.toContain('canary');
  const files = readdirSync(keyring, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(['root.json', '1.json']));
  for (const file of files) {
    expect(readFileSync(path.join(file.parentPath, file.name), 'utf8')).not.toMatch(/canary|Schlüssel|sk-live/);
  }
});

test('P7: a restart on the same keyring comes up sealed', async () => {
  expect((await staff.human('GET', '/v1/vault')).body).toEqual({ state: 'unsealed' });
  await identity.close();
  await start();
  expect((await tenant.admin('GET', '/v1/vault')).body).toEqual({ state: 'sealed' });
  expect(await store('third_key')).toMatchObject(refusal(503, 'vault_sealed'));
  expect(await staff.human('POST', '/v1/vault/unseal', { password: PASSWORD })).toMatchObject({ status: 200 });
  expect(await store('third_key')).toMatchObject({ status: 201 });
});
