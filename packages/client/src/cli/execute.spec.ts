import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_ID, AGENT_KEY, FakeChancery, TENANT_KEY } from '../../test/fake-chancery.js';
import { problem } from '../../test/fake-surface.js';
import { Sandbox } from '../../test/run-cli.js';

let fake: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
});
afterEach(() => fake.stop());

const asked = () => fake.tenant.to('POST /v1/credentials/:name/execute').at(-1)!;
const execute = (...args: string[]) => sandbox.run(['execute', 'demo_key', ...args]);

test('method, headers, query, body and purpose become the template; the body is what is printed', async () => {
  const flags = ['-X', 'put', '-H', 'X-Key: {{CREDENTIAL}}', '-q', 'a=b=c', '-d', 'hi', '--purpose', 'p'];
  const ran = await execute('https://api.test/v1', ...flags, '--timeout-ms', '500', '--credential-version', '2');
  const request = {
    method: 'PUT',
    url: 'https://api.test/v1',
    headers: { 'X-Key': '{{CREDENTIAL}}' },
    query: { a: 'b=c' },
    body: 'hi',
  };
  expect(asked()).toMatchObject({ params: ['demo_key'], json: { purpose: 'p', request, timeout_ms: 500, version: 2 } });
  expect(ran).toMatchObject({ code: 0, stdout: JSON.stringify({ saw: request }) });
  expect(ran.stderr).toBe('chancery: 203 in 12 ms, the credential was redacted 1 time; audit entry 7\n');
});

test('a field in any place, or --no-bearer, leaves out what would be added', async () => {
  await execute('https://api.test/?key={{CREDENTIAL.token}}');
  expect(asked().json.request).toMatchObject({ headers: {} });
  await execute('https://api.test/', '--no-bearer');
  expect(asked().json.request).toEqual({ method: 'GET', url: 'https://api.test/', headers: {} });
  await execute('https://api.test/?key={{CREDENTIALS}}');
  expect(asked().json.request).toMatchObject({ headers: { authorization: 'Bearer {{CREDENTIAL}}' } });
});

test('a body makes it a POST, nothing makes it a GET', async () => {
  await execute('https://api.test/');
  expect(asked().json.request).toMatchObject({ method: 'GET' });
  writeFileSync(join(sandbox.cwd, 'body.json'), '{"a":1}');
  await execute('https://api.test/', '-d', '@body.json');
  expect(asked().json.request).toMatchObject({ method: 'POST', body: '{"a":1}' });
});

test('a request that names no place has it as Authorization: Bearer', async () => {
  await execute('https://api.test/', '-H', 'Accept: */*');
  expect(asked().json.request).toMatchObject({ headers: { Accept: '*/*', authorization: 'Bearer {{CREDENTIAL}}' } });
  await execute('https://api.test/?key={{CREDENTIAL}}');
  expect(asked().json.request).toMatchObject({ headers: {} });
  await execute('https://api.test/', '-H', 'Authorization: Basic {{CREDENTIAL}}');
  expect(asked().json.request).toMatchObject({ headers: { Authorization: 'Basic {{CREDENTIAL}}' } });
});

test('--request takes a whole request from stdin', async () => {
  const request = { method: 'GET', url: 'https://api.test/' };
  await sandbox.run(['execute', 'demo_key', '--request', '-'], { stdin: JSON.stringify(request) });
  expect(asked().json.request).toEqual(request);
  expect((await sandbox.run(['execute', 'k', '--request', '-'], { stdin: '[]' })).code).toBe(64);
});

test('leaves no session behind, also after a refusal', async () => {
  await execute('https://api.test/');
  fake.tenant.on('POST /v1/credentials/:name/execute', problem(403, 'brake_active'));
  await execute('https://api.test/');
  expect(fake.tenant.to('POST /oauth/revoke')).toHaveLength(2);
});

test('--json gives the whole answer, -i status and headers', async () => {
  expect((await execute('https://api.test/', '--json')).json()).toMatchObject({ status: 203, audit: { seq: 7 } });
  expect((await execute('https://api.test/', '-i')).stdout).toMatch(/^HTTP 203\ncontent-type: application\/json\n/);
});

test.each([
  ['brake_active', 403, 1],
  ['credential_not_found', 404, 1],
  ['tier_too_low', 403, 1],
  ['vault_sealed', 503, 1],
  ['domain_not_allowed', 403, 1],
  ['url_refused', 400, 1],
  ['upstream_timeout', 504, 1],
  ['forbidden', 403, 77],
])('%s (%i) is exit %i, named, with a way out', async (code, status, exit) => {
  fake.tenant.on('POST /v1/credentials/:name/execute', problem(status, code));
  const ran = await execute('https://api.test/');
  expect(ran).toMatchObject({ code: exit, stdout: '' });
  expect(ran.stderr).toMatch(new RegExp(`^chancery: ${code}: fake: ${code} \\(${code}\\): .+\\n$`));
});

test('the environment names an agent without a profile', async () => {
  const own = new Sandbox();
  const env = { CHANCERY_URL: fake.tenant.url, CHANCERY_AGENT_ID: AGENT_ID, CHANCERY_AGENT_KEY: AGENT_KEY };
  expect((await own.run(['execute', 'k', 'https://api.test/'], { env })).code).toBe(0);
});

test('a wrong agent key is exit 77, and is not printed', async () => {
  const env = { CHANCERY_AGENT_ID: AGENT_ID, CHANCERY_AGENT_KEY: 'chy_ak_wrong' };
  const ran = await sandbox.run(['execute', 'k', 'https://api.test/'], { env });
  expect(ran).toMatchObject({ code: 77, stderr: expect.stringContaining('(invalid_client)') });
  expect(ran.stderr).not.toContain('chy_');
});

test('among several agents one is named, by name or id', async () => {
  const agents = {
    helper: { id: AGENT_ID, apiKey: AGENT_KEY },
    rogue: { id: `agt_${'b'.repeat(32)}`, apiKey: AGENT_KEY },
  };
  sandbox.quickstart({ ...fake.quickstartFile(), agents });
  expect(await execute('https://api.test/')).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('--agent helper | rogue'),
  });
  expect((await execute('https://api.test/', '--agent', 'helper')).code).toBe(0);
  expect((await execute('https://api.test/', '--agent', AGENT_ID)).code).toBe(0);
  expect((await execute('https://api.test/', '--agent', 'toString')).code).toBe(64);
});

test('an agent registered with --save acts at once', async () => {
  const own = new Sandbox();
  const env = { CHANCERY_URL: fake.tenant.url, CHANCERY_KEY: TENANT_KEY };
  const made = await own.run(['agent', 'register', 'mine', '--save'], { env });
  expect(made.stderr).toContain('--agent mine');
  expect((await own.run(['execute', 'k', 'https://api.test/', '--agent', 'mine'])).code).toBe(0);
});

test('api --as-agent asks with the DPoP token', async () => {
  const ran = await sandbox.run([
    'api',
    'POST',
    '/v1/credentials/k/execute',
    '-d',
    '{"purpose":"p","request":{}}',
    '--as-agent',
  ]);
  expect(ran.code).toBe(0);
  expect(asked().headers.authorization).toMatch(/^DPoP /);
});
