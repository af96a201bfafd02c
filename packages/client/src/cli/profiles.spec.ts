import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_KEY, FakeChancery, OPS_KEY, PASSWORD, TENANT_KEY, TOTP_SECRET } from '../../test/fake-chancery.js';
import { oneTimeCode } from './one-time-code.js';
import { Sandbox } from '../../test/run-cli.js';

let fake: FakeChancery;
let other: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  [fake, other] = await Promise.all([new FakeChancery().start(), new FakeChancery().start()]);
  sandbox = new Sandbox();
});
afterEach(() => Promise.all([fake.stop(), other.stop()]));

const profilesPath = () => join(sandbox.home, 'profiles.json');
const profiles = () => JSON.parse(readFileSync(profilesPath(), 'utf8')) as Record<string, never>;

function stored(profile: Record<string, unknown>, current: string | null = 'prod'): void {
  mkdirSync(sandbox.home, { recursive: true });
  writeFileSync(profilesPath(), JSON.stringify({ current, profiles: { prod: profile } }));
}

test('the file is for its owner only, and nothing half-written stays beside it', async () => {
  const env = { CHANCERY_URL: fake.tenant.url };
  const ran = await sandbox.run(['login', '--key'], { env, stdin: `${TENANT_KEY}\n` });
  expect(ran.code).toBe(0);
  expect(ran.stdout + ran.stderr).not.toContain(TENANT_KEY);
  expect(statSync(profilesPath()).mode & 0o777).toBe(0o600);
  expect(statSync(sandbox.home).mode & 0o777).toBe(0o700);
  expect(readdirSync(sandbox.home)).toEqual(['profiles.json']);
  expect(profiles()).toEqual({
    current: 'default',
    profiles: { default: { tenant_url: fake.tenant.url, service_key: TENANT_KEY } },
  });
});

test('a key the server does not know is not kept', async () => {
  const ran = await sandbox.run(['login', '--key', '--url', fake.tenant.url], { stdin: 'chy_sk_wrong' });
  expect(ran.code).toBe(77);
  expect(() => profiles()).toThrow('ENOENT');
});

test.each(['{"current":', '[]', '{"profiles":{"a":1}}', ''])(
  'a broken file is named, and left as it is: %j',
  async (text) => {
    mkdirSync(sandbox.home, { recursive: true });
    writeFileSync(profilesPath(), text);
    const ran = await sandbox.run(['agent', 'list']);
    expect(ran.code).toBe(64);
    expect(ran.stderr).toContain(profilesPath());
    expect(readFileSync(profilesPath(), 'utf8')).toBe(text);
  },
);

test("another server gets none of the profile's keys", async () => {
  stored({ tenant_url: fake.tenant.url, ops_url: fake.ops.url, service_key: TENANT_KEY, ops_key: OPS_KEY });
  const ran = await sandbox.run(['--url', other.tenant.url, 'emergency', 'activate', '--reason', 'x']);
  expect(ran.code).toBe(77);
  expect([...other.tenant.asked, ...other.ops.asked, ...fake.ops.asked]).toEqual([]);
});

test("a profile that moves to another server leaves the old one's keys behind", async () => {
  stored({ tenant_url: fake.tenant.url, service_key: TENANT_KEY, agents: { a: { id: 'agt_1', api_key: AGENT_KEY } } });
  const login = ['login', '--url', other.tenant.url, '--key'];
  expect((await sandbox.run(login, { stdin: TENANT_KEY })).code).toBe(0);
  expect(profiles()).toEqual({
    current: 'prod',
    profiles: { prod: { tenant_url: other.tenant.url, service_key: TENANT_KEY } },
  });
});

test('signing in elsewhere leaves the service key of the other server behind', async () => {
  stored({ tenant_url: fake.tenant.url, service_key: TENANT_KEY });
  const typed = ['acme', 'ada@acme.test', PASSWORD, oneTimeCode(TOTP_SECRET, new Date())];
  expect((await sandbox.run(['login', '--url', other.tenant.url], { typed })).code).toBe(0);
  const { prod } = profiles().profiles as unknown as { prod: object };
  expect(Object.keys(prod).sort()).toEqual(['tenant_session', 'tenant_url']);
});

test('a key of the environment comes before the session of the profile, the session before its key', async () => {
  const [expires_at, factor_expires_at] = ['2100-01-01T00:00:00.000Z', '2100-01-01T00:00:00.000Z'];
  const tenant_session = { token: 'chy_ms_stored', expires_at, factor_expires_at, email: 'a@b.test', tenant: 'acme' };
  stored({ tenant_url: fake.tenant.url, service_key: 'chy_sk_stored', tenant_session });
  await sandbox.run(['api', 'GET', '/v1/agents'], { env: { CHANCERY_KEY: TENANT_KEY } });
  await sandbox.run(['api', 'GET', '/v1/agents']);
  // the server does not know the session: then the stored key is tried
  const tokens = fake.tenant.asked.map(({ headers }) => headers.authorization);
  expect(tokens).toEqual([`Bearer ${TENANT_KEY}`, 'Bearer chy_ms_stored', 'Bearer chy_sk_stored']);
});

test('a profile that does not exist knows no server', async () => {
  stored({ tenant_url: fake.tenant.url, service_key: TENANT_KEY });
  expect((await sandbox.run(['agent', 'list', '--profile', 'nope'])).code).toBe(64);
});

test('a configured profile comes before the demonstration of this folder; --profile quickstart names it', async () => {
  stored({ tenant_url: other.tenant.url, service_key: TENANT_KEY });
  sandbox.quickstart(fake.quickstartFile());
  await sandbox.run(['agent', 'list']);
  expect([other.tenant.asked.length, fake.tenant.asked.length]).toEqual([1, 0]);
  await sandbox.run(['agent', 'list', '--profile', 'quickstart']);
  expect([other.tenant.asked.length, fake.tenant.asked.length]).toEqual([1, 1]);
});

test('a --url away from the demonstration takes nothing of it along', async () => {
  sandbox.quickstart(fake.quickstartFile());
  const ran = await sandbox.run(['--url', other.tenant.url, 'emergency', 'activate', '--reason', 'x']);
  expect(ran.code).toBe(77);
  expect([...fake.ops.asked, ...other.tenant.asked]).toEqual([]);
});

test.each([
  ['open to others', (path: string) => chmodSync(path, 0o644)],
  ['not JSON', (path: string) => writeFileSync(path, '{')],
  [
    'aimed at another machine',
    (path: string) => writeFileSync(path, JSON.stringify({ ...fake.quickstartFile(), opsUrl: 'https://evil.test' })),
  ],
])('a quickstart file that is %s is not used', async (_how, spoil) => {
  spoil(sandbox.quickstart(fake.quickstartFile()));
  const ran = await sandbox.run(['credential', 'store', 'k'], { stdin: 'sk-secret' });
  expect(ran.code).toBe(64);
  expect(ran.stderr).toMatch(/^chancery: .*quickstart\.json .*\(quickstart\): name a profile/);
  expect(fake.tenant.asked).toEqual([]);
});

test('CHANCERY_EXTRA_CA that cannot be read is a usage error', async () => {
  const env = { CHANCERY_URL: fake.tenant.url, CHANCERY_EXTRA_CA: '/nowhere.pem' };
  expect((await sandbox.run(['status'], { env })).code).toBe(64);
});
