import { VERDICT_EXIT_CODES } from '@chancery/protocol/audit-verify.js';
import { AGENT_KEY, FakeChancery, TENANT_KEY } from '../../test/fake-chancery.js';
import { Sandbox } from '../../test/run-cli.js';

let fake: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
});
afterEach(() => fake.stop());

/** Every command that asks the server, as it is used. */
const COMMANDS = [
  'status',
  'seal --reason x',
  'tenant create acme --owner-email a@b.test',
  'tenant list',
  'member list',
  'member add a@b.test --role admin',
  'member remove mem_1',
  'key list',
  'key create ci',
  'key revoke key_1',
  'agent register a',
  'agent list',
  'agent show helper',
  'agent behaviour helper',
  'agent promote helper --tier PARTNER --reason x',
  'agent demote helper --tier NOVICE --reason x',
  'agent suspend helper --reason x',
  'agent reinstate helper --reason x',
  'agent revoke helper --reason x',
  'credential store k --domain api.test',
  'credential list',
  'credential show k',
  'credential rotate k',
  'credential bind k --domain api.test',
  'credential delete k',
  'credential grants k',
  'credential grant k helper',
  'credential revoke k helper',
  'execute k https://api.test/',
  'api GET /v1/agents',
  'emergency activate --reason x',
  'emergency status',
  'emergency clear --reason x',
  'webhook create https://a.test/hook --event brake.activated',
  'webhook list',
  'webhook show whk_1',
  'webhook delete whk_1',
  'webhook test whk_1',
  'webhook deliveries whk_1',
  'webhook replay dlv_1',
  'webhook replay whk_1 --since 2026-11-22T08:00:00Z',
  'audit list',
  'audit verify',
  'audit verify --full',
  'audit export',
  'login',
];
const NOBODY = 'http://127.0.0.1:1';
const ONE_LINE = /^chancery: [^\n]+ \([a-z_]+\): [^\n]+\n$/;
const lastLine = (stderr: string) => `${stderr.trimEnd().split('\n').at(-1)}\n`;

test.each(COMMANDS)('%s: a server that is down is exit 69 and one line', async (line) => {
  // A port that was somebody's a moment ago may be somebody else's now.
  sandbox.quickstart({ ...fake.quickstartFile(), tenantUrl: NOBODY, publicUrl: NOBODY, opsUrl: NOBODY });
  const ran = await sandbox.run(line.split(' '), { stdin: 'sk-secret' });
  expect(ran.code).toBe(69);
  expect(lastLine(ran.stderr)).toMatch(ONE_LINE);
  expect(ran.stdout).toBe('');
});

test.each(COMMANDS)('%s: an answer that is not JSON fails, with no stack trace and no secret', async (line) => {
  for (const surface of [fake.tenant, fake.ops]) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      for (let depth = 1; depth <= 6; depth += 1) {
        surface.on(`${method} ${'/:x'.repeat(depth)}`, { status: 200, raw: '<html>hello</html>' });
      }
    }
  }
  const ran = await sandbox.run(line.split(' '), { stdin: 'sk-secret' });
  // `api` prints whatever there is; a downloaded chain without its end is a gap
  const code = { 'api GET /v1/agents': 0, 'audit verify --full': VERDICT_EXIT_CODES.gap }[line] ?? 1;
  expect(ran.code).toBe(code);
  expect(code === 1 ? lastLine(ran.stderr) : 'chancery: x (x): x\n').toMatch(ONE_LINE);
  expect(ran.stderr).not.toMatch(/ {4}at |sk-secret|chy_/);
});

test.each(COMMANDS)('%s: an unknown option is exit 64 and asks no server', async (line) => {
  const ran = await sandbox.run([...line.split(' '), '--value=sk-secret']);
  expect(ran).toMatchObject({ code: 64, stdout: '', stderr: 'chancery: unknown option --value (usage): see --help\n' });
  expect([...fake.tenant.asked, ...fake.ops.asked]).toEqual([]);
});

test.each(COMMANDS)('%s: one argument too many is exit 64, and is not repeated', async (line) => {
  const many = [...line.split(' '), 'sk-secret', 'sk-secret', 'sk-secret'];
  const ran = await sandbox.run(many);
  expect(ran.code).toBe(64);
  expect(ran.stdout + ran.stderr).not.toContain('sk-secret');
  expect([...fake.tenant.asked, ...fake.ops.asked]).toEqual([]);
});

test.each([
  'agent show',
  'agent behaviour',
  'agent register',
  'agent promote helper',
  'agent promote helper --tier PARTNER',
  'agent suspend helper',
  'credential store',
  'credential grant k',
  'credential bind k',
  'credential rotate k --grace-seconds -1',
  'credential rotate k --grace-seconds 604801',
  'credential store k --port 0',
  'credential store k --port 65536',
  'execute',
  'execute k',
  'execute k https://api.test -H nonsense',
  'execute k https://api.test -q nonsense',
  'execute k https://api.test --timeout-ms 0',
  'api',
  'api GET',
  'api FETCH /v1/agents',
  'api GET v1/agents',
  'api GET https://evil.test/',
  'api POST /v1/agents -d {',
  'api POST /v1/agents -d @nowhere',
  'api GET /v1/agents -H nonsense',
  'emergency activate',
  'emergency clear',
  'emergency activate --reason x --scope moon',
  'audit list --limit 0',
  'audit list --limit x',
  'audit verify --key k',
  'tenant create acme',
  'tenant create',
  'member add a@b.test',
  'seal',
  'proxy --listen 127.0.0.1:0',
  'agent',
  'agent fly',
  'fly',
  '--frob',
])('chancery %s: exit 64, nothing asked, nothing on stdout', async (line) => {
  const ran = await sandbox.run(line.split(' '));
  expect(ran).toMatchObject({ code: 64, stdout: '' });
  expect([...fake.tenant.asked, ...fake.ops.asked]).toEqual([]);
});

test('help is exit 0 on stdout, for the program and for every command', async () => {
  expect(await sandbox.run([])).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: chancery') });
  for (const line of COMMANDS) {
    const words = line.split(' ').slice(0, /^(agent|audit|credential|emergency|key|member|tenant)/.test(line) ? 2 : 1);
    const ran = await sandbox.run([...words, '--help']);
    expect(ran).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining(`Usage: chancery ${words.join(' ')}`),
    });
  }
});

test('--json tells a failure on stdout too', async () => {
  const ran = await sandbox.run(['agent', 'show', 'nobody', '--json']);
  expect(ran.code).toBe(1);
  expect(ran.json()).toMatchObject({ error: { code: 'not_found', exit_code: 1, way_out: expect.any(String) } });
  const wrong = await sandbox.run(['--json', 'agent', 'fly']);
  expect(wrong.json()).toMatchObject({ error: { code: 'usage', exit_code: 64 } });
});

test.each([{ CHANCERY_AGENT_ID: 'agt_1' }, { CHANCERY_AGENT_KEY: AGENT_KEY }])(
  'half an agent is exit 64',
  async (env) => {
    expect((await sandbox.run(['agent', 'list'], { env })).code).toBe(64);
  },
);

test.each(['nonsense', 'ftp://x', 'https://a:b@c.test'])('--url %s is exit 64', async (url) => {
  const ran = await sandbox.run(['--url', url, 'agent', 'list'], { env: { CHANCERY_KEY: TENANT_KEY } });
  expect(ran).toMatchObject({ code: 64, stderr: expect.stringContaining('(bad_url)') });
  expect(ran.stderr).not.toContain('a:b');
});
