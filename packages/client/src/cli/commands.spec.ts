import { mkdirSync, writeFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { AGENT_ID, AGENT_KEY, FakeChancery, TENANT_KEY } from '../../test/fake-chancery.js';
import { ok, problem, type Asked } from '../../test/fake-surface.js';
import { Sandbox } from '../../test/run-cli.js';

let fake: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
});
afterEach(() => fake.stop());

const run = (line: string, stdin = '') => sandbox.run(line.split(' '), { stdin });
const credential = {
  id: 'crd_1',
  name: 'k',
  minimum_tier: 'COMPANION',
  version: 1,
  allowed_domains: ['api.test'],
  ports: [443],
  cleartext: false,
  redact: true,
  flags: [],
  versions: [{ version: 1, state: 'current', expires_at: null }],
  created_at: '2026-11-22T07:00:00.000Z',
  updated_at: '2026-11-22T07:00:00.000Z',
};

describe('credential', () => {
  const stored: Asked[] = [];
  beforeEach(() => {
    stored.length = 0;
    const view = (asked: Asked) => (stored.push(asked), ok(credential));
    for (const route of ['POST /v1/credentials', 'POST /v1/credentials/:n/rotate', 'PUT /v1/credentials/:n/binding']) {
      fake.guarded('tenant', route, view);
    }
  });

  test('store reads the value from stdin, drops one line end, and shows it nowhere', async () => {
    const ran = await run(
      'credential store k --domain a.test --domain *.b.test --port 8443 --no-redact --minimum-tier partner',
      'sk-secret\n\n',
    );
    expect(ran.code).toBe(0);
    expect(ran.stdout + ran.stderr).not.toContain('sk-secret');
    expect(stored[0]!.json).toEqual({
      name: 'k',
      value: 'sk-secret\n',
      allowed_domains: ['a.test', '*.b.test'],
      ports: [8443],
      redact: false,
      minimum_tier: 'PARTNER',
    });
  });

  test('store leaves to the server what was not said', async () => {
    await run('credential store k --domain a.test', 'v');
    expect(stored[0]!.json).toEqual({ name: 'k', value: 'v', allowed_domains: ['a.test'] });
  });

  test('store and rotate ask on a terminal, hidden', async () => {
    for (const argv of [
      ['credential', 'store', 'k'],
      ['credential', 'rotate', 'k'],
    ]) {
      const ran = await sandbox.run(argv, { typed: ['sk-secret'] });
      expect(ran.code).toBe(0);
      expect(ran.stdout + ran.stderr).not.toContain('sk-secret');
    }
    expect(stored.map(({ json }) => json.value)).toEqual(['sk-secret', 'sk-secret']);
  });

  test.each([
    ['', 64],
    ['\n', 64],
    [Buffer.from([0xff, 0xfe]), 64],
    [Buffer.alloc(1_100_000, 65), 64],
  ])('a value that is empty, no text or too long is not sent', async (stdin, code) => {
    expect((await sandbox.run(['credential', 'store', 'k'], { stdin })).code).toBe(code);
    expect(stored).toEqual([]);
  });

  test("the server's refusal of a value does not repeat it", async () => {
    fake.guarded('tenant', 'POST /v1/credentials', () => problem(409, 'name_taken'));
    const ran = await run('credential store k', 'sk-secret');
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('(name_taken): choose another name') });
    expect(ran.stderr).not.toContain('sk-secret');
  });

  test('rotate and bind say what they should', async () => {
    await run('credential rotate k --grace-seconds 60', 'new');
    await run('credential bind k --domain c.test');
    await run('credential bind k --any-domain');
    expect(stored.map(({ json }) => json)).toEqual([
      { value: 'new', grace_seconds: 60 },
      { allowed_domains: ['c.test'] },
      { allowed_domains: [] },
    ]);
  });

  test('an unbound credential shows that it may go ANYwhere', async () => {
    const unbound = { ...credential, allowed_domains: [], flags: ['unrestricted_domains'] };
    fake.guarded('tenant', 'GET /v1/credentials', () => ok({ data: [unbound], next_cursor: null }));
    expect((await run('credential list')).stdout).toMatch(/ANY\s+unrestricted_domains/);
  });

  test('delete asks on a terminal for the name', async () => {
    const deleted: Asked[] = [];
    fake.guarded('tenant', 'DELETE /v1/credentials/:n', (asked) => (deleted.push(asked), { status: 204 }));
    expect((await sandbox.run(['credential', 'delete', 'k'], { typed: ['no'] })).code).toBe(64);
    expect(deleted).toEqual([]);
    expect((await sandbox.run(['credential', 'delete', 'k'], { typed: ['k'] })).code).toBe(0);
    expect((await sandbox.run(['credential', 'delete', 'k', '--yes'], { typed: [] })).code).toBe(0);
    expect((await run('credential delete a/b --json')).json()).toEqual({ deleted: 'a/b' });
    expect(deleted.map(({ params }) => params[0])).toEqual(['k', 'k', 'a/b']);
  });

  test('grants are made and taken back by agent name or id', async () => {
    const seen: string[] = [];
    const path = '/v1/credentials/:n/grants/:a';
    fake.guarded('tenant', `PUT ${path}`, ({ params }) => (seen.push(`+${params[1]}`), ok({ state: 'active' })));
    fake.guarded('tenant', `DELETE ${path}`, ({ params }) => (seen.push(`-${params[1]}`), { status: 204 }));
    await run('credential grant k helper');
    await run(`credential revoke k ${AGENT_ID}`);
    await run('credential grant k --agent helper');
    expect(seen).toEqual([`+${AGENT_ID}`, `-${AGENT_ID}`, `+${AGENT_ID}`]);
    expect((await run('credential grant k')).code).toBe(64);
    expect((await run('credential grant k nobody')).code).toBe(1);
  });
});

describe('agent', () => {
  test('register shows the key once, list and show never', async () => {
    expect(await run('agent register a')).toMatchObject({ code: 0, stdout: expect.stringContaining(AGENT_KEY) });
    expect((await run('agent register a --json')).json()).toMatchObject({ api_key: AGENT_KEY });
    expect((await run('agent list')).stdout).toContain('helper');
    expect((await run('agent show helper --json')).json()).toMatchObject({ id: AGENT_ID });
  });

  test('behaviour shows the score, what it is made of, and what the server recommends and why', async () => {
    const part = { weight: 0.25, value: 0.5 };
    const seen = {
      score: 0.6123,
      verdict: 'too_low',
      tier: 'COMPANION',
      window: { calls: 12, errors: 3, denials: 9, calls_per_minute_cv: null, mean_latency_ms: 40, from: 'A', to: 'B' },
      components: { errors: part, denials: part, regularity: part, anomalies: part },
      anomalies: [{ kind: 'denial_rate', observed: '75.0 %', bound: '50.0 %', at: 'T', seq: 7 }],
      renewals: { used: 1, limit: 10, minimum_score: 0.8 },
      recommendation: { action: 'demote', tier: 'NOVICE', reasons: ['score 0.6123, COMPANION needs 0.8'] },
    };
    fake.guarded('tenant', 'GET /v1/agents/:id/behaviour', ({ path }) =>
      path === `/v1/agents/${AGENT_ID}/behaviour` ? ok(seen) : problem(404, 'not_found'),
    );
    expect((await run('agent behaviour helper --json')).json()).toEqual(seen);
    const { code, stdout } = await run('agent behaviour helper');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.replace(/ {2,}/, ': '))).toEqual([
      'score: 0.6123, below 0.8 of COMPANION',
      'window: 12 calls, A to B',
      'errors: 3 (0.5 of 1, weighs 0.25)',
      'denials: 9 (0.5 of 1, weighs 0.25)',
      'regularity: CV unknown (0.5 of 1, weighs 0.25)',
      'anomalies: 1 in the last hour (0.5 of 1, weighs 0.25)',
      'latency: 40 ms on average',
      'renewals: 1 of 10, from a score of 0.8 on',
      'recommended: demote to NOVICE',
      ': score 0.6123, COMPANION needs 0.8',
      'anomaly at T: denial_rate 75.0 %, bound 50.0 % (entry 7)',
      '',
    ]);
  });

  test('list follows the cursor to the end', async () => {
    const page = (id: string, next_cursor: string | null) => ok({ data: [{ id, name: id }], next_cursor });
    fake.guarded('tenant', 'GET /v1/agents', ({ query }) =>
      query.get('cursor') === 'c' ? page('b', null) : page('a', 'c'),
    );
    expect((await run('agent list --json')).json()).toMatchObject({ data: [{ id: 'a' }, { id: 'b' }] });
  });

  test('an empty list says what to do, on stderr', async () => {
    fake.guarded('tenant', 'GET /v1/agents', () => ok({ data: [], next_cursor: null }));
    expect(await run('agent list')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('register') });
  });

  test('tables fit the terminal and are bold only where that is wanted', async () => {
    const wide = await sandbox.run(['agent', 'list'], { columns: 80 });
    expect(wide.stdout).toContain('\u001b[1mID');
    expect(
      Math.max(
        ...wide.stdout
          .split('\n')
          .slice(1)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80);
    const plain = await sandbox.run(['agent', 'list'], { columns: 80, env: { NO_COLOR: '1' } });
    expect(plain.stdout).not.toContain('\u001b');
  });
});

describe('status', () => {
  test('shows both surfaces, the vault, the brakes and who is signed in', async () => {
    fake.brake({ scope: 'tenant', reason: 'x' });
    const ran = await run('status --json');
    expect(ran.json()).toMatchObject({
      profile: 'quickstart',
      ready: true,
      surfaces: [
        {
          surface: 'tenant',
          checks: { vault: 'sealed' },
          signed_in_as: 'main (service_key, admin) of acme',
          active_brakes: 1,
        },
        { surface: 'ops', active_brakes: 0 },
      ],
    });
    expect((await run('status')).stdout).toMatch(/vault\s+sealed/);
  });

  test('without a sign-in it still shows the health', async () => {
    const ran = await new Sandbox().run(['status', '--url', fake.tenant.url]);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/signed in\s+no/) });
  });

  test('a server that is not ready is exit 1', async () => {
    fake.tenant.on('GET /health/ready', { status: 503, json: { status: 'error', checks: { database: 'down' } } });
    expect(await run('status')).toMatchObject({ code: 1, stdout: expect.stringMatching(/database\s+down/) });
  });
});

describe('api', () => {
  test('prints JSON and fails with the code of the problem', async () => {
    expect((await run('api get /v1/agents')).json()).toMatchObject({ data: [{ id: AGENT_ID }] });
    const ran = await run('api GET /v1/nothing');
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('(not_found)') });
    expect(JSON.parse(ran.stdout)).toMatchObject({ code: 'not_found' });
  });

  test('sends a body from the argument, a file or stdin, and headers', async () => {
    writeFileSync(join(sandbox.cwd, 'b.json'), '{"name":"file"}');
    await sandbox.run(['api', 'POST', '/v1/agents', '-d', '{"name":"arg"}', '-H', 'Idempotency-Key: 1']);
    await run('api POST /v1/agents -d @b.json');
    await run('api POST /v1/agents -d -', '{"name":"stdin"}');
    const sent = fake.tenant.to('POST /v1/agents');
    expect(sent.map(({ json }) => json.name)).toEqual(['arg', 'file', 'stdin']);
    expect(sent[0]!.headers['idempotency-key']).toBe('1');
  });

  test('--ops asks the ops surface with its key', async () => {
    expect((await run('api GET /v1/vault --ops')).json()).toEqual({ state: 'sealed' });
  });

  test('with --json a problem is one JSON document', async () => {
    expect((await run('api GET /v1/nothing --json')).json()).toMatchObject({ code: 'not_found' });
  });
});

describe('serve', () => {
  const checkout = (main?: string) => {
    const root = join(sandbox.dir, 'checkout');
    const inside = join(root, 'packages', 'client');
    mkdirSync(join(root, 'dist'), { recursive: true });
    mkdirSync(inside, { recursive: true });
    writeFileSync(join(root, 'package.json'), '{"name":"chancery","type":"module"}');
    writeFileSync(join(inside, 'package.json'), '{"name":"@chancery/client"}');
    if (main !== undefined) writeFileSync(join(root, 'dist', 'main.js'), main);
    return inside;
  };

  test("runs the checkout's server and returns its exit code", async () => {
    const ran = await sandbox.run(['serve'], { packageDir: checkout('process.exit(7)') });
    expect(ran).toMatchObject({ code: 7, stderr: '' });
  });

  test('a server ended by a signal is 128 and its number', async () => {
    const ran = await sandbox.run(['serve'], { packageDir: checkout("process.kill(process.pid, 'SIGKILL')") });
    expect(ran.code).toBe(137);
  });

  test('says how to build what is not built, and that elsewhere is no checkout', async () => {
    expect(await sandbox.run(['serve'], { packageDir: checkout() })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('(not_built): npm run build'),
    });
    const elsewhere = await sandbox.run(['serve'], { packageDir: parse(sandbox.dir).root });
    expect(elsewhere).toMatchObject({ code: 1, stderr: expect.stringContaining('(no_checkout)') });
  });
});

test('tenant create shows what is shown once', async () => {
  const owner = { id: 'mem_1', email: 'a@b.test', password: 'pw-once', otpauth_uri: 'otpauth://totp/x' };
  const made = { id: 'ten_1', namespace: 'acme', name: 'Acme', owner, service_key: { id: 'key_1', key: TENANT_KEY } };
  fake.guarded('ops', 'POST /v1/tenants', () => ok(made, 201));
  const ran = await sandbox.run(['tenant', 'create', 'acme', '--name', 'Acme', '--owner-email', 'a@b.test']);
  for (const once of ['pw-once', 'otpauth://totp/x', TENANT_KEY]) expect(ran.stdout).toContain(once);
  expect(ran.stderr).toContain('shown this once');
});

test('member add is an act of a person; key create is not', async () => {
  fake.guarded(
    'tenant',
    'POST /v1/members',
    ({ json }) => ok({ id: 'mem_2', ...json, password: 'pw-once' }, 201),
    true,
  );
  fake.guarded('tenant', 'POST /v1/service-keys', ({ json }) => ok({ id: 'key_2', ...json, key: TENANT_KEY }, 201));
  expect((await run('member add c@d.test --role auditor')).stderr).toContain('signing in as');
  expect((await run('key create ci --role auditor --json')).json()).toMatchObject({ role: 'auditor', key: TENANT_KEY });
});

test('a server that replays a creation is not taken for one that shows a key', async () => {
  fake.guarded('tenant', 'POST /v1/agents', () =>
    ok({ id: AGENT_ID, name: 'a', tier: 'NOVICE', state: 'active', secret_shown_once: true }, 201),
  );
  const ran = await run('agent register a --save');
  expect(ran.stderr).toContain('none is kept');
});
