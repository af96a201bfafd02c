import { FakeChancery } from '../../test/fake-chancery.js';
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

test('unseal takes the password from the terminal, hidden', async () => {
  const ran = await sandbox.run(['unseal'], { typed: ['master'] });
  expect(ran).toMatchObject({ code: 0, stdout: 'vault unsealed\n' });
  expect(ran.stderr).toContain('Master password: \n');
  expect(ran.stderr).not.toContain('Master password: master');
});

test.each([
  ['piped', ['unseal'], { stdin: 'master' }],
  ['as an argument', ['unseal', 'master'], { typed: [] }],
  ['as an option', ['unseal', '--password', 'master'], { typed: [] }],
  ['in the environment', ['unseal'], { env: { CHANCERY_MASTER_PASSWORD: 'master', CHANCERY_PASSWORD: 'master' } }],
])('a password %s is refused', async (_how, argv, options) => {
  const ran = await sandbox.run(argv, options);
  expect(ran.code).toBe(64);
  expect(ran.stderr).not.toMatch(/master(?! password)/);
  expect(fake.ops.asked).toEqual([]);
  expect(fake.vault).toBe('sealed');
});

test('a wrong password is exit 1, with the way out', async () => {
  const ran = await sandbox.run(['unseal'], { typed: ['wrong'] });
  expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('(wrong_password): try again') });
});

test('too many attempts are said to be that', async () => {
  fake.guarded('ops', 'POST /v1/vault/unseal', () => problem(429, 'too_many_attempts'), true);
  expect(await sandbox.run(['unseal'], { typed: ['x'] })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('(too_many_attempts)'),
  });
});

test('a new vault gets its password, asked for twice', async () => {
  fake.vault = 'uninitialized';
  expect((await sandbox.run(['unseal'], { typed: ['first', 'other'] })).code).toBe(64);
  expect(fake.vault).toBe('uninitialized');
  expect((await sandbox.run(['unseal'], { typed: ['same', 'same'] })).stdout).toBe('vault unsealed\n');
  expect(fake.masterPassword).toBe('same');
});

test('an unsealed vault asks for nothing', async () => {
  fake.vault = 'unsealed';
  const ran = await sandbox.run(['unseal'], { typed: [] });
  expect(ran).toMatchObject({ code: 0, stdout: 'vault unsealed\n' });
});

test('an empty password is not sent', async () => {
  expect((await sandbox.run(['unseal'], { typed: [''] })).code).toBe(64);
});

test('seal needs a reason, and seals', async () => {
  fake.vault = 'unsealed';
  expect((await sandbox.run(['seal'])).code).toBe(64);
  expect(fake.vault).toBe('unsealed');
  expect(await sandbox.run(['seal', '--reason', 'x', '--json'])).toMatchObject({ code: 0 });
  expect(fake.ops.to('POST /v1/vault/seal')[0]!.json).toEqual({ reason: 'x' });
});
