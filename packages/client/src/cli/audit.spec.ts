import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signCheckpoint } from '@chancery/protocol/audit-checkpoint.js';
import { type AuditEntry, entryHash, genesisPrev } from '@chancery/protocol/audit-entry.js';
import {
  exportCheckpointLine,
  exportEndLine,
  exportEntryLine,
  exportHeaderLine,
} from '@chancery/protocol/audit-export.js';
import { formatVerifierKey } from '@chancery/protocol/note-key.js';
import { FakeChancery } from '../../test/fake-chancery.js';
import { ok, problem } from '../../test/fake-surface.js';
import { Sandbox } from '../../test/run-cli.js';

const TENANT = `ten_${'1'.repeat(32)}`;
const AT = '2026-11-22T08:00:00.000Z';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const noteKey = {
  name: `chancery/audit/${TENANT}`,
  publicKey: new Uint8Array(Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')),
};
const KEY = formatVerifierKey(noteKey);

let fake: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
});
afterEach(() => fake.stop());

/** Header, three entries, a checkpoint at the third, end. */
async function exported(actor = 'mem_1'): Promise<string[]> {
  const lines = [exportHeaderLine(TENANT, AT)];
  let prev = genesisPrev(TENANT);
  for (let seq = 1; seq <= 3; seq += 1) {
    const entry: AuditEntry = {
      v: 1,
      tenant: TENANT,
      seq,
      at: AT,
      actor,
      action: 'agent.register',
      outcome: 'ok',
      details: { n: seq },
      salt: '0'.repeat(32),
      prev,
    };
    prev = entryHash(entry);
    lines.push(exportEntryLine(entry, prev));
  }
  const note = await signCheckpoint(
    { tenant: TENANT, seq: 3, hash: prev, at: AT },
    { ...noteKey, sign: (message: Uint8Array) => sign(null, message, privateKey) },
  );
  lines.push(exportCheckpointLine(note, KEY), exportEndLine({ seq: 3, hash: prev }));
  return lines;
}

function write(lines: string[] | Buffer): string {
  const path = join(sandbox.cwd, 'export.ndjson');
  writeFileSync(path, Array.isArray(lines) ? lines.join('') : lines);
  return path;
}

const verify = (...args: string[]) => sandbox.run(['audit', 'verify', ...args]);

describe('an exported file, without a server', () => {
  test('a whole chain is ok, exit 0', async () => {
    const ran = await verify(write(await exported()));
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok\n/) });
    expect(ran.stdout).toContain(KEY);
    expect(ran.stderr).toContain('--key pins');
    expect(fake.tenant.asked).toEqual([]);
  });

  test('a pinned key is believed, another is not: exit 4', async () => {
    const path = write(await exported());
    expect((await verify(path, '--key', KEY)).code).toBe(0);
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x!;
    const stranger = formatVerifierKey({ ...noteKey, publicKey: new Uint8Array(Buffer.from(other, 'base64url')) });
    expect((await verify(path, '--key', stranger)).code).toBe(4);
  });

  test.each([
    [
      'an altered entry',
      2,
      (lines: string[]) => (lines[2] = lines[2]!.replace('"n":2', '"n":9')),
      'tampered at entry 2',
    ],
    ['a missing entry', 3, (lines: string[]) => lines.splice(2, 1), 'gap at entry 2'],
    ['a cut tail', 3, (lines: string[]) => lines.splice(-1), 'gap at entry 4'],
    ['half a line', 3, (lines: string[]) => (lines[5] = lines[5]!.slice(0, 20)), 'gap'],
    ['a tail cut behind a checkpoint', 4, cutBehindCheckpoint, 'checkpoint at entry 3'],
    ['another header', 2, (lines: string[]) => (lines[0] = lines[0]!.replace('ten_1', 'ten_2')), 'tampered'],
    ['a line that is too long', 2, (lines: string[]) => lines.splice(2, 0, `${' '.repeat(300_000)}\n`), 'tampered'],
  ])('%s: exit %i, and the entry is named', async (_what, code, spoil, said) => {
    const lines = await exported();
    spoil(lines);
    const ran = await verify(write(lines));
    expect(ran).toMatchObject({ code, stdout: expect.stringContaining(said) });
  });

  test('bytes that are no UTF-8 do not pass for the character that replaces them', async () => {
    const lines = await exported('mem_\uFFFD');
    const whole = Buffer.from(lines.join(''));
    const at = whole.indexOf('\uFFFD');
    const spoiled = Buffer.concat([whole.subarray(0, at), Buffer.from([0xff]), whole.subarray(at + 3)]);
    expect(spoiled.toString()).toBe(whole.toString());
    expect((await verify(write(whole))).code).toBe(0);
    expect((await verify(write(spoiled))).code).toBe(2);
  });

  test.each([[''], ['hello\n'], ['{}\n{}\n']])('%j is no export: not ok, no stack trace', async (text) => {
    const ran = await verify(write([text]));
    expect([2, 3]).toContain(ran.code);
    expect(ran.stderr).not.toContain('    at ');
  });

  test('a file that is not there, or a folder, is a usage error', async () => {
    expect((await verify('nowhere.ndjson')).code).toBe(64);
    expect((await verify(sandbox.cwd)).code).toBe(64);
    expect((await verify(write(await exported()), '--key', 'nonsense')).code).toBe(64);
  });

  test('--json tells where and why', async () => {
    const lines = await exported();
    lines.splice(2, 1);
    const ran = await verify(write(lines), '--json');
    expect(ran.json()).toMatchObject({ verdict: 'gap', first_bad_seq: 2, reason: expect.any(String), pinned: false });
  });
});

function cutBehindCheckpoint(lines: string[]): void {
  const { entry, hash } = JSON.parse(lines[2]!) as { entry: AuditEntry; hash: string };
  lines.splice(3, 1);
  lines[lines.length - 1] = exportEndLine({ seq: entry.seq, hash });
}

const WHOLE = {
  verdict: 'ok',
  entries: 3,
  head: { seq: 3, hash: 'f'.repeat(64) },
  first_bad_seq: null,
  reason: null,
  checkpoints: { checked: 1, last_seq: 3 },
};

describe('a live chain', () => {
  test.each([
    ['ok', 0],
    ['tampered', 2],
    ['gap', 3],
    ['checkpoint', 4],
  ])('the verdict %s is exit %i', async (verdict, code) => {
    const answer = { ...WHOLE, verdict, ...(verdict === 'ok' ? {} : { first_bad_seq: 2, reason: 'because' }) };
    fake.guarded('tenant', 'GET /v1/audit/verification', () => ok(answer));
    const ran = await verify();
    expect(ran.code).toBe(code);
    expect(ran.stdout).toContain(code === 0 ? 'ok\n' : `${verdict} at entry 2: because`);
  });

  test.each([
    ['no verdict', ok({}), 1],
    ['a verdict nobody knows', ok({ ...WHOLE, verdict: 'fine' }), 1],
    ['a verdict of Object', ok({ ...WHOLE, verdict: 'constructor' }), 1],
    ['503', problem(503, 'over_capacity'), 1],
    ['401', problem(401, 'unauthenticated'), 77],
  ])('%s is never an ok', async (_what, answer, code) => {
    fake.tenant.on('GET /v1/audit/verification', answer);
    expect((await verify()).code).toBe(code);
  });

  test('--full verifies here what the server sends', async () => {
    const lines = await exported();
    fake.guarded('tenant', 'GET /v1/audit/export', () => ({ status: 200, raw: lines.join('') }));
    expect((await verify('--full')).code).toBe(0);
    lines[2] = lines[2]!.replace('"n":2', '"n":9');
    expect((await verify('--full', '--json')).code).toBe(2);
  });

  test('--full names the refusal of the export', async () => {
    fake.tenant.on('GET /v1/audit/export', problem(403, 'forbidden'));
    expect(await verify('--full')).toMatchObject({ code: 77, stderr: expect.stringContaining('(forbidden)') });
  });
});

describe('export', () => {
  const serve = (lines: string[]) =>
    fake.guarded('tenant', 'GET /v1/audit/export', () => ({ status: 200, raw: lines.join('') }));

  test('goes to stdout byte for byte', async () => {
    const lines = await exported();
    serve(lines);
    expect(await sandbox.run(['audit', 'export'])).toMatchObject({ code: 0, stdout: lines.join('') });
  });

  test('goes to a file for its owner only, and replaces none unless told', async () => {
    const lines = await exported();
    serve(lines);
    const out = join(sandbox.cwd, 'out.ndjson');
    expect((await sandbox.run(['audit', 'export', '--out', 'out.ndjson'])).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(lines.join(''));
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect((await sandbox.run(['audit', 'export', '--out', 'out.ndjson'])).code).toBe(64);
    expect((await sandbox.run(['audit', 'export', '--out', 'out.ndjson', '--force'])).code).toBe(0);
    expect((await verify('out.ndjson')).code).toBe(0);
  });

  test('that ends early leaves no file and fails', async () => {
    serve((await exported()).slice(0, 3));
    const ran = await sandbox.run(['audit', 'export', '--out', 'out.ndjson']);
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('(export_cut)') });
    expect(existsSync(join(sandbox.cwd, 'out.ndjson'))).toBe(false);
    expect(readdirSync(sandbox.cwd)).toEqual([]);
  });
});

test('list shows entries, and how to go on', async () => {
  const entry = {
    seq: 1,
    at: AT,
    actor: 'mem_1',
    action: 'agent.register',
    outcome: 'ok',
    details: { a: '\u001b[2J' },
    hash: 'f',
  };
  fake.guarded('tenant', 'GET /v1/audit/entries', () => ok({ data: [entry], next_cursor: 'abc' }));
  const ran = await sandbox.run(['audit', 'list', '--limit', '1', '--order', 'asc']);
  expect(ran.stdout).toContain('agent.register');
  expect(ran.stdout).not.toContain('\u001b');
  expect(ran.stderr).toContain('--cursor abc');
  expect(fake.tenant.asked[0]!.query.toString()).toBe('limit=1&order=asc');
});
