import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FakeChancery, OPS_TOTP_SECRET, PASSWORD, TOTP_SECRET } from '../../test/fake-chancery.js';
import { ok } from '../../test/fake-surface.js';
import { Sandbox, type Ran } from '../../test/run-cli.js';
import { oneTimeCode } from './one-time-code.js';

let fake: FakeChancery;
let sandbox: Sandbox;
let now: Date;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  now = new Date('2026-11-22T08:00:00.000Z');
  fake.now = () => now;
  sandbox = new Sandbox();
});
afterEach(() => fake.stop());

const later = (minutes: number) => (now = new Date(now.getTime() + minutes * 60_000));
const code = () => oneTimeCode(TOTP_SECRET, now);
const clock = () => now;
const promote = ['agent', 'promote', 'helper', '--tier', 'companion', '--reason', 'good'];
const signIn = (...flags: string[]) =>
  sandbox.run(['login', '--url', fake.tenant.url, ...flags], {
    typed: ['acme', 'ada@acme.test', PASSWORD, code()],
    now: clock,
  });
const noSecretIn = (ran: Ran) => expect(ran.stdout + ran.stderr).not.toMatch(/correct horse|chy_|JBSW/);

test('asks for tenant, email, password and code, keeps the session, and shows no secret', async () => {
  const ran = await signIn();
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('signed in to acme as ada@acme.test') });
  expect(ran.stderr).toBe('Tenant: acme\nEmail: ada@acme.test\nPassword: \nOne-time code: \n');
  noSecretIn(ran);
  expect((await sandbox.run(['agent', 'list'], { now: clock })).code).toBe(0);
  expect((await sandbox.run(promote, { now: clock })).code).toBe(0);
});

test.each([
  ['a wrong password', ['acme', 'ada@acme.test', 'wrong'], 77, 'login_failed'],
  ['another tenant', ['other', 'ada@acme.test', PASSWORD], 77, 'login_failed'],
  ['no email', ['acme', '', PASSWORD], 64, 'usage'],
  ['no tenant', ['', 'ada@acme.test', PASSWORD], 64, 'usage'],
])('%s: no session is kept', async (_what, typed, exit, said) => {
  const options = { typed: [...typed, code()], now: clock };
  const ran = await sandbox.run(['login', '--url', fake.tenant.url], options);
  expect(ran).toMatchObject({ code: exit, stderr: expect.stringContaining(`(${said})`) });
  noSecretIn(ran);
  expect(() => readFileSync(join(sandbox.home, 'profiles.json'))).toThrow('ENOENT');
});

test('a code of another form is not sent', async () => {
  const options = { typed: ['acme', 'ada@acme.test', PASSWORD, '12345'], now: clock };
  expect((await sandbox.run(['login', '--url', fake.tenant.url], options)).code).toBe(64);
  expect(fake.tenant.asked).toEqual([]);
});

test('without a terminal every answer must be given, the password on stdin', async () => {
  const login = ['login', '--url', fake.tenant.url, '--tenant', 'acme', '--email', 'ada@acme.test'];
  expect(await sandbox.run(login)).toMatchObject({ code: 64, stderr: expect.stringContaining('no_terminal') });
  const whole = [...login, '--password-stdin', '--totp', code()];
  expect((await sandbox.run(whole, { stdin: `${PASSWORD}\n`, now: clock })).code).toBe(0);
});

test('--ops signs staff in on the ops surface, without a tenant', async () => {
  const typed = ['op@platform.test', PASSWORD, oneTimeCode(OPS_TOTP_SECRET, now)];
  const ran = await sandbox.run(['login', '--ops', '--url', fake.ops.url], { typed, now: clock });
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('platform') });
  expect(fake.ops.asked[0]!.json).not.toHaveProperty('tenant');
  expect((await sandbox.run(['seal', '--reason', 'x'], { now: clock })).code).toBe(0);
});

test('a stale factor is asked for once on a terminal, and the act goes through', async () => {
  await signIn();
  later(6);
  fake.sessions.tenant[0]!.fresh = false;
  const ran = await sandbox.run(promote, { typed: [code()], now: clock });
  expect(ran).toMatchObject({ code: 0, stderr: 'One-time code: \n' });
  expect(fake.tenant.to('POST /v1/agents/:id/promote')).toHaveLength(2);
});

test('a stale factor without a terminal is exit 77 and names the way out', async () => {
  await signIn();
  fake.sessions.tenant[0]!.fresh = false;
  const ran = await sandbox.run(promote, { now: clock });
  expect(ran).toMatchObject({ code: 77, stderr: expect.stringContaining('(factor_stale)') });
});

test('a wrong code for a stale factor is exit 77, and is not asked for again', async () => {
  await signIn();
  fake.sessions.tenant[0]!.fresh = false;
  const ran = await sandbox.run(promote, { typed: ['000000'], now: clock });
  expect(ran).toMatchObject({ code: 77, stderr: expect.stringContaining('(login_failed)') });
});

test('an expired session is not sent, and login is the way out', async () => {
  await signIn();
  later(60 * 24);
  const before = fake.tenant.asked.length;
  expect(await sandbox.run(['agent', 'list'], { now: clock })).toMatchObject({
    code: 77,
    stderr: 'chancery: not signed in (profile default) (unauthenticated): run `chancery login`\n',
  });
  expect(fake.tenant.asked).toHaveLength(before);
});

test('a session the server ended is forgotten', async () => {
  await signIn();
  fake.sessions.tenant.length = 0;
  expect((await sandbox.run(['agent', 'list'], { now: clock })).code).toBe(77);
  expect(readFileSync(join(sandbox.home, 'profiles.json'), 'utf8')).not.toContain('chy_ms_');
});

test('logout ends the session there and forgets it here', async () => {
  await signIn();
  expect((await sandbox.run(['logout'], { now: clock })).code).toBe(0);
  expect(fake.tenant.to('POST /v1/logout')).toHaveLength(1);
  expect(readFileSync(join(sandbox.home, 'profiles.json'), 'utf8')).not.toContain('chy_ms_');
  expect((await sandbox.run(['logout'], { now: clock })).code).toBe(0);
});

test('an answer that is no login is not kept', async () => {
  fake.tenant.on('POST /v1/login', ok({ hello: 1 }, 201));
  expect(await signIn()).toMatchObject({ code: 1, stderr: expect.stringContaining('(unexpected_answer)') });
});

describe('in the demonstration', () => {
  beforeEach(() => void sandbox.quickstart(fake.quickstartFile()));

  test('keys serve what keys may, and nobody signs in', async () => {
    const ran = await sandbox.run(['agent', 'list'], { now: clock });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(fake.tenant.to('POST /v1/login')).toEqual([]);
  });

  test('an act of people signs in once; the next one uses the session', async () => {
    expect((await sandbox.run(promote, { now: clock })).stderr).toContain('signing in as ada@acme.test');
    expect((await sandbox.run(promote, { now: clock })).stderr).toBe('');
    expect(fake.tenant.to('POST /v1/login')).toHaveLength(1);
  });

  test('a route nobody knew to be for people is sent again as one', async () => {
    const ran = await sandbox.run(['api', 'POST', '/v1/agents/x/promote', '-d', '{"tier":"PARTNER"}'], { now: clock });
    expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('signing in as') });
  });

  test('a used-up code waits for the next one and says so', async () => {
    fake.tenant.on('GET /v1/agents', ok({ data: [], next_cursor: null }));
    const used = { tenant: 'acme', email: 'ada@acme.test', password: PASSWORD, totp: code() };
    await sandbox.run(['api', 'POST', '/v1/login', '-d', JSON.stringify(used)], { now: clock });
    const slept: number[] = [];
    const waiting = sandbox.run(['login'], { now: () => (slept.length > 0 ? later(1) : now), slept });
    expect(await waiting).toMatchObject({ code: 0, stderr: expect.stringContaining('the next one comes in') });
    expect(slept).toHaveLength(1);
    expect(slept[0]).toBeLessThanOrEqual(30_500);
  });

  test('a session from before the demonstration started over is replaced', async () => {
    await sandbox.run(promote, { now: clock });
    fake.sessions.tenant.length = 0;
    later(1);
    const ran = await sandbox.run(promote, { now: clock });
    expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('signing in as') });
  });

  test('a stale factor is renewed without a terminal', async () => {
    await sandbox.run(promote, { now: clock });
    later(6);
    fake.sessions.tenant[0]!.fresh = false;
    expect((await sandbox.run(promote, { now: clock })).code).toBe(0);
    expect(fake.tenant.to('POST /v1/login/factor')).toHaveLength(1);
  });
});
