import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { Demonstration } from './support/demonstration.js';
import type { Outcome } from './support/program.js';

jest.setTimeout(300_000);

const TOLD = [
  /✓ An answer streams through, word by word +event by event \(3\), an echo split in two redacted/,
  /✓ A use that waits for a person +202, a person approves: 200, once more: 403 approval_used/,
  /^✓ A rogue skill .*403 domain_not_allowed, never decrypted$/m,
  /^✓ A NOVICE uses a COMPANION credential +403 tier_too_low$/m,
  /^✓ .*replayed.* 200, then 401 invalid_dpop_proof$/m,
  /^✓ Brake on the credential +403 brake_active, .*200$/m,
  /^✓ Brake on the agent +403 brake_active, .*200$/m,
  /^✓ Brake on the tenant +403 brake_active, .*200$/m,
  /^✓ Brake on everything \(global\) +403 brake_active, .*200$/m,
  /^✓ .*sealed, then unsealed by a person +503 vault_sealed, unsealed: 200$/m,
  /^✓ audit verify +ok, \d+ entries$/m,
  /^✓ An audit row is altered with SQL +tampered, entry \d+$/m,
  /^✓ The last audit row is cut off +checkpoint, entry \d+$/m,
  /^✓ Both put back: audit verify +ok$/m,
];
const LINES_MAX = 60;

const demonstration = new Demonstration();
let told: Outcome;
let lines: string[];
let masterPassword: string;
beforeAll(async () => {
  told = await demonstration.tell('--exit');
  lines = told.stdout.trimEnd().split('\n');
  masterPassword = /^Master password, shown this once: (\S{20,})$/m.exec(told.stdout)?.[1] ?? '';
});
afterAll(() => demonstration.dispose());

test('the story ends with 0, in at most 60 lines, and leaves no database running', () => {
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(lines.length).toBeLessThanOrEqual(LINES_MAX);
  expect(told.stdout).not.toContain('✗');
  expect(demonstration.postgres).toBeUndefined();
});

test('P1: the first ten lines say what the agent sent, what the API received and what the agent got back', () => {
  const first = lines.slice(0, 10).join('\n');
  expect(first).toMatch(/agent sent .*Bearer \{\{CREDENTIAL\}\}/);
  expect(first).toContain(`Authorization: Bearer ${demonstration.realKey}`);
  expect(first).toMatch(/agent got back .*200 .*\[redacted\]/);
  expect(told.stdout.split(demonstration.realKey)).toHaveLength(2);
});

test('each step is told in a line of its own', () => {
  for (const line of TOLD) expect(told.stdout).toMatch(line);
});

test('quickstart.json has everything that scripts go on from, says what it is, and is closed to others', () => {
  const { mode } = statSync(demonstration.file('quickstart.json'));
  expect(mode & 0o777).toBe(0o600);
  expect(demonstration.state).toMatchObject({
    warning: expect.stringContaining('demonstration'),
    tenantUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    publicUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    opsUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    opsKey: expect.stringMatching(/^chy_sk_/),
    tenantId: expect.stringMatching(/^ten_[0-9a-f]{32}$/),
    tenantKey: expect.stringMatching(/^chy_sk_/),
    member: { email: expect.stringContaining('@'), password: expect.any(String), totpSecret: expect.any(String) },
    agents: {
      scribe: { id: expect.stringMatching(/^agt_/), apiKey: expect.stringMatching(/^chy_ak_/), tier: 'COMPANION' },
      intern: { id: expect.stringMatching(/^agt_/), apiKey: expect.stringMatching(/^chy_ak_/), tier: 'NOVICE' },
    },
    credential: 'demo_key',
    upstreamUrl: 'https://api.upstream.test',
    databaseUrl: expect.stringMatching(/^postgres(ql)?:\/\/postgres:.+@127\.0\.0\.1:\d+\/\w+$/),
  });
  expect(told.stdout).toContain('quickstart.json');
});

test('nobody else can look into what it leaves', () => {
  expect(statSync(path.dirname(demonstration.file('x'))).mode & 0o077).toBe(0);
});

test('P7: the master password was printed once and stands in no file, not in the database either', () => {
  expect(masterPassword).not.toBe('');
  expect(told.stdout.split(masterPassword)).toHaveLength(2);
  expect(filesHolding(masterPassword)).toEqual([]);
});

test('P1: the real key stands in no log, no audit entry and no row of the database', async () => {
  const { realKey } = demonstration;
  const forms = [realKey, Buffer.from(realKey).toString('base64'), Buffer.from(realKey).toString('hex')];
  for (const form of forms) expect(filesHolding(form)).toEqual(form === realKey ? ['demo-key'] : []);
  await demonstration.start();
  const dump = await dumpOf(demonstration.state.databaseUrl);
  await demonstration.end('SIGTERM');
  expect(dump).toContain('demo_key');
  for (const form of [...forms, masterPassword]) expect(dump).not.toContain(form);
});

/** Files of the demonstration, PostgreSQL’s own ones included, that hold the text in the clear. */
function filesHolding(text: string): string[] {
  const holding = (dir: string): string[] =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => readFileSync(file).includes(text))
      .map((file) => path.relative(dir, file));
  return [...new Set([...holding(demonstration.file('')), ...holding(demonstration.dataDir)])];
}

/** Every row of every table, as text. */
async function dumpOf(databaseUrl: string): Promise<string> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const text: string[] = [];
    for (const { name } of rows) {
      const table = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      text.push(...table.rows.map(({ row }) => row));
    }
    return text.join('\n');
  } finally {
    await client.end();
  }
}
