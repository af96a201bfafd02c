import { FakeChancery, OPS_KEY, TENANT_KEY, AGENT_ID } from '../../test/fake-chancery.js';
import { problem } from '../../test/fake-surface.js';
import { Sandbox } from '../../test/run-cli.js';

let fake: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
});
afterEach(() => fake.stop());

const tenantOnly = () => ({ CHANCERY_URL: fake.tenant.url, CHANCERY_KEY: TENANT_KEY });

test('without --scope, with rights on the ops surface, the brake is global and the output says so', async () => {
  sandbox.quickstart(fake.quickstartFile());
  const ran = await sandbox.run(['emergency', 'activate', '--reason', 'suspected breach']);
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/brake on\s+global/) });
  expect(fake.ops.to('POST /v1/brakes')[0]!.json).toEqual({ scope: 'global', reason: 'suspected breach' });
});

test('without --scope and without rights there, the brake is the tenant', async () => {
  const ran = await sandbox.run(['emergency', 'activate', '--reason', 'suspected breach'], { env: tenantOnly() });
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/brake on\s+tenant/) });
  expect(fake.ops.asked).toEqual([]);
});

test('a profile that knows the ops surface, but has no rights there, brakes the tenant without asking it', async () => {
  const env = { ...tenantOnly(), CHANCERY_OPS_URL: fake.ops.url };
  const ran = await sandbox.run(['emergency', 'activate', '--reason', 'x'], { env });
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/brake on\s+tenant/), stderr: '' });
});

test.each([
  ['refuses', async () => fake.ops.on('POST /v1/brakes', problem(403, 'forbidden'))],
  ['is down', () => fake.ops.stop()],
])('when the ops surface %s, the widest brake left is the tenant, and stderr says so', async (_how, breakIt) => {
  sandbox.quickstart(fake.quickstartFile());
  await breakIt();
  const ran = await sandbox.run(['emergency', 'activate', '--reason', 'x']);
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/brake on\s+tenant/) });
  expect(ran.stderr).toContain('braking the tenant instead');
});

test('--scope global is never narrowed', async () => {
  sandbox.quickstart(fake.quickstartFile());
  fake.ops.on('POST /v1/brakes', problem(403, 'forbidden'));
  const ran = await sandbox.run(['emergency', 'activate', '--reason', 'x', '--scope', 'global']);
  expect(ran.code).toBe(77);
  expect(fake.tenant.to('POST /v1/brakes')).toEqual([]);
});

test("the seed's lines for an agent and a credential", async () => {
  sandbox.quickstart(fake.quickstartFile());
  const agent = ['emergency', 'activate', '--reason', 'suspicious', '--scope', 'agent', '--agent-id', AGENT_ID];
  const credential = ['--scope', 'credential', '--credential-name', 'openai_key'];
  expect((await sandbox.run(agent)).stdout).toContain(`agent ${AGENT_ID}`);
  const ran = await sandbox.run(['emergency', 'activate', '--reason', 'key may be leaked', ...credential]);
  expect(ran.stdout).toContain('credential openai_key');
  expect(fake.tenant.to('POST /v1/brakes').map((asked) => asked.json)).toEqual([
    { scope: 'agent', agent_id: AGENT_ID, reason: 'suspicious' },
    { scope: 'credential', credential_name: 'openai_key', reason: 'key may be leaked' },
  ]);
});

test.each([
  [['--scope', 'agent']],
  [['--scope', 'credential']],
  [['--scope', 'tenant', '--agent-id', AGENT_ID]],
  [['--agent-id', AGENT_ID, '--credential-name', 'k']],
])('scope and subject that do not fit put no brake on: %j', async (flags) => {
  sandbox.quickstart(fake.quickstartFile());
  const ran = await sandbox.run(['emergency', 'activate', '--reason', 'x', ...flags]);
  expect(ran.code).toBe(64);
  expect(fake.brakes).toEqual([]);
});

test('status shows the brakes of both surfaces', async () => {
  sandbox.quickstart(fake.quickstartFile());
  fake.brake({ scope: 'global', reason: 'g' });
  fake.brake({ scope: 'tenant', reason: 't' });
  const ran = await sandbox.run(['emergency', 'status', '--json']);
  expect((ran.json().data as { scope: string }[]).map((brake) => brake.scope)).toEqual(['global', 'tenant']);
});

test('clear finds the only brake and signs the person of the demonstration in', async () => {
  sandbox.quickstart(fake.quickstartFile());
  fake.brake({ scope: 'tenant', reason: 't' });
  const ran = await sandbox.run(['emergency', 'clear', '--reason', 'over']);
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/brake cleared\s+tenant/) });
  expect(ran.stderr).toBe('chancery: signing in as ada@acme.test (acme), a person of the demonstration\n');
  expect(fake.brakes[0]).toMatchObject({ active: false });
  expect(fake.tenant.to('POST /v1/brakes/:id/clear')).toHaveLength(1);
});

test('clear asks which, when several are on', async () => {
  sandbox.quickstart(fake.quickstartFile());
  const ids = [fake.brake({ scope: 'tenant', reason: 't' }).id, fake.brake({ scope: 'global', reason: 'g' }).id];
  const ran = await sandbox.run(['emergency', 'clear', '--reason', 'over']);
  expect(ran.code).toBe(64);
  for (const id of ids) expect(ran.stderr).toContain(id);
});

test('the global brake stays on without the typed confirmation', async () => {
  sandbox.quickstart(fake.quickstartFile());
  fake.brake({ scope: 'global', reason: 'g' });
  const clear = ['emergency', 'clear', '--reason', 'over'];
  expect((await sandbox.run(clear)).code).toBe(64);
  expect((await sandbox.run(clear, { typed: ['yes'] })).code).toBe(64);
  expect((await sandbox.run([...clear, '--confirm', 'sure'])).code).toBe(64);
  expect(fake.brakes[0]).toMatchObject({ active: true });
});

test.each([
  ['typed', [] as string[], ['clear the global brake']],
  ['given', ['--confirm', 'clear the global brake'], undefined],
])('the global brake is cleared with the confirmation %s', async (_how, flags, typed) => {
  sandbox.quickstart(fake.quickstartFile());
  fake.brake({ scope: 'global', reason: 'g' });
  const ran = await sandbox.run(['emergency', 'clear', '--reason', 'over', ...flags], typed ? { typed } : {});
  expect(ran.code).toBe(0);
  expect(fake.brakes[0]).toMatchObject({ active: false });
});

test('a service key alone clears nothing: a person is asked for', async () => {
  fake.brake({ scope: 'tenant', reason: 't' });
  const ran = await sandbox.run(['emergency', 'clear', '--reason', 'over'], { env: tenantOnly() });
  expect(ran.code).toBe(77);
  expect(ran.stderr).toMatch(/^chancery: .*\(human_required\): run `chancery login`\n$/);
});

test('an ops key in CHANCERY_KEY works on the ops surface', async () => {
  const env = { CHANCERY_OPS_URL: fake.ops.url, CHANCERY_KEY: OPS_KEY };
  const ran = await sandbox.run(['emergency', 'activate', '--reason', 'x'], { env });
  expect(ran.stdout).toMatch(/brake on\s+global/);
});
