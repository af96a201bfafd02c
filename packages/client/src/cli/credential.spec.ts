import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FakeChancery } from '../../test/fake-chancery.js';
import { ok, type Asked } from '../../test/fake-surface.js';
import { Sandbox } from '../../test/run-cli.js';

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

let fake: FakeChancery;
let sandbox: Sandbox;
const stored: Asked[] = [];
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
  stored.length = 0;
  for (const route of ['POST /v1/credentials', 'POST /v1/credentials/:n/rotate']) {
    fake.guarded('tenant', route, (asked) => (stored.push(asked), ok(credential)));
  }
});
afterEach(() => fake.stop());

const run = (line: string, stdin = '') => sandbox.run(line.split(' '), { stdin });

test('store says where it may go, how it is used and what it consists of', async () => {
  writeFileSync(join(sandbox.cwd, 'token.txt'), 'sk-from-a-file-0123\n');
  const ran = await run(
    'credential store k --domain a.test --method POST --path-prefix /v1 --private-range 10.0.0.0/8 --placement header ' +
      '--public-field username=bot --field password=- --field token=@token.txt --inject basic --approval each_use --per-minute 9',
    'sk-from-stdin-0123\n',
  );
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.stdout + ran.stderr).not.toMatch(/sk-from/);
  expect(stored[0]!.json).toEqual({
    name: 'k',
    fields: { username: 'bot', password: 'sk-from-stdin-0123', token: 'sk-from-a-file-0123' },
    public_fields: ['username'],
    allowed_domains: ['a.test'],
    methods: ['POST'],
    path_prefixes: ['/v1'],
    private_ranges: ['10.0.0.0/8'],
    placements: ['header'],
    injection: { kind: 'basic' },
    approval: 'each_use',
    limits: { per_minute: 9 },
  });
});

test('fields are asked for on a terminal, hidden, one by one', async () => {
  const argv = ['credential', 'rotate', 'k', '--field', 'username', '--field', 'password=prompt'];
  const ran = await sandbox.run(argv, { typed: ['sk-user', 'sk-pass'] });
  expect(ran.code).toBe(0);
  expect(ran.stderr).toContain('password of k: ');
  expect(ran.stdout + ran.stderr).not.toMatch(/sk-/);
  expect(stored[0]!.json).toEqual({ fields: { username: 'sk-user', password: 'sk-pass' }, grace_seconds: 0 });
});

test.each([
  ['--field password=sk-on-the-line'],
  ['--field sk-on-the-line=x'],
  ['--public-field username='],
  ['--field password'],
  ['--field password=@none.txt'],
  ['--public-field a=1 --field a=-'],
  ['--inject somewhere'],
  ['--inject header'],
  ['--inject basic=password'],
  ['--per-minute 0'],
])('store %s is refused before anything is sent, and not said back', async (words) => {
  const ran = await run(`credential store k ${words}`, 'v');
  expect(ran.code).toBe(64);
  expect(ran.stdout + ran.stderr).not.toContain('sk-on-the-line');
  expect(stored).toEqual([]);
});

test('change sends what was said and nothing else', async () => {
  fake.guarded('tenant', 'PATCH /v1/credentials/:n', (asked) => (stored.push(asked), ok(credential)));
  await run('credential change k --minimum-tier novice');
  await run('credential change k --inject bearer=token --per-minute none');
  await run('credential change k --inject none --approval none');
  await run('credential change k --inject header:x-api-key');
  await run('credential change k --inject query:key=token');
  await run('credential change k --inject scheme:Token');
  expect((await run('credential change k')).code).toBe(64);
  expect(stored.map(({ json }) => json)).toEqual([
    { minimum_tier: 'NOVICE' },
    { injection: { kind: 'scheme', scheme: 'Bearer', field: 'token' }, limits: { per_minute: null } },
    { injection: null, approval: 'none' },
    { injection: { kind: 'header', name: 'x-api-key' } },
    { injection: { kind: 'query', name: 'key', field: 'token' } },
    { injection: { kind: 'scheme', scheme: 'Token' } },
  ]);
});

test('show and list say shortly what is special about its use', async () => {
  const special = {
    ...credential,
    methods: ['POST'],
    path_prefixes: ['/v1', '/v2'],
    private_ranges: null,
    placements: null,
    fields: [
      { name: 'password', public: false },
      { name: 'username', public: true },
    ],
    injection: { kind: 'scheme', scheme: 'Bearer', field: 'password' },
    approval: 'each_use',
    limits: { per_minute: 9 },
  };
  fake.guarded('tenant', 'GET /v1/credentials/:n', () => ok(special));
  fake.guarded('tenant', 'GET /v1/credentials', () => ok({ data: [special, credential], next_cursor: null }));
  const shown = (await run('credential show k')).stdout;
  for (const line of [
    /^methods +POST$/m,
    /^paths +\/v1, \/v2$/m,
    /^fields +password, username \(public\)$/m,
    /^goes into +bearer=password$/m,
    /^approval +each_use$/m,
    /^uses a minute +9$/m,
  ])
    expect(shown).toMatch(line);
  expect(shown).not.toContain('private networks');
  expect((await run('credential list')).stdout).toContain('bearer=password, restricted, approval each_use, 9/min');
});
