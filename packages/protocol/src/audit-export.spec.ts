import { ed25519 } from '@noble/curves/ed25519.js';
import { checkpointOrigin, signCheckpoint } from './audit-checkpoint.js';
import { type AuditEntry, entryHash, genesisPrev } from './audit-entry.js';
import {
  exportCheckpointLine,
  exportEndLine,
  exportEntryLine,
  exportHeaderLine,
  parseExportLine,
} from './audit-export.js';
import { type ExportVerification, ExportVerifier } from './audit-export-verify.js';
import { formatVerifierKey } from './note-key.js';

const TENANT = 'ten_0190a0a0a0a07000800000000000000a';
const AT = '2026-11-22T07:30:00.000Z';

function signerOf(seed: number) {
  const secret = new Uint8Array(32).fill(seed);
  return {
    name: checkpointOrigin(TENANT),
    publicKey: ed25519.getPublicKey(secret),
    sign: (bytes: Uint8Array) => ed25519.sign(bytes, secret),
  };
}
const signer = signerOf(1);
const KEY = formatVerifierKey(signer);

/** Lines: 0 header, 1 to 5 entries, 6 a checkpoint at 3, 7 one at 5, 8 the end. */
async function exported(by = signer): Promise<string[]> {
  const lines = [exportHeaderLine(TENANT, AT)];
  const hashes: string[] = [];
  for (let seq = 1; seq <= 5; seq++) {
    const entry: AuditEntry = {
      v: 1,
      tenant: TENANT,
      seq,
      at: AT,
      actor: 'system',
      action: 'test',
      outcome: 'ok',
      details: { text: 'é\n"' },
      salt: '0f'.repeat(16),
      prev: hashes.at(-1) ?? genesisPrev(TENANT),
    };
    hashes.push(entryHash(entry));
    lines.push(exportEntryLine(entry, hashes[seq - 1]!));
  }
  for (const seq of [3, 5]) {
    const note = await signCheckpoint({ tenant: TENANT, seq, hash: hashes[seq - 1]!, at: AT }, by);
    lines.push(exportCheckpointLine(note, formatVerifierKey(by)));
  }
  return [...lines, exportEndLine({ seq: 5, hash: hashes[4]! })];
}

function verify(lines: string[], options: ConstructorParameters<typeof ExportVerifier>[0] = {}): ExportVerification {
  const verifier = new ExportVerifier(options);
  for (const line of lines) verifier.line(line);
  return verifier.finish();
}

const emptyHead = (tenant: string) => ({ seq: 0, hash: genesisPrev(tenant) });

let lines: string[];
beforeAll(async () => {
  lines = await exported();
});

test('an honest file is ok, with and without pinned keys', () => {
  const expected = {
    verdict: 'ok',
    entries: 5,
    first_bad_seq: null,
    reason: null,
    checkpoints: { checked: 2, last_seq: 5 },
    tenant: TENANT,
    exported_at: AT,
    keys: [KEY],
  };
  expect(verify(lines)).toMatchObject({ ...expected, pinned: false });
  expect(verify(lines, { tenant: TENANT, keys: [KEY] })).toMatchObject({ ...expected, pinned: true });
  expect(verify(lines.map((line) => line.trimEnd()))).toMatchObject(expected);
});

test('every line is one JSON document and ends in a newline', () => {
  for (const line of lines) {
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(parseExportLine(line)?.kind).toBe((JSON.parse(line) as { kind: string }).kind);
  }
});

test('the export of an empty chain is ok', () => {
  const empty = [exportHeaderLine(TENANT, AT), exportEndLine(emptyHead(TENANT))];
  expect(verify(empty)).toMatchObject({ verdict: 'ok', entries: 0, head: emptyHead(TENANT) });
});

test('one altered character of one entry is found and named', () => {
  const altered = lines.with(3, lines[3]!.replace('"ok"', '"no"'));
  expect(verify(altered)).toMatchObject({ verdict: 'tampered', first_bad_seq: 3 });
});

test('a line left out is a gap', () => {
  expect(verify(lines.toSpliced(2, 1))).toMatchObject({ verdict: 'gap', first_bad_seq: 2 });
});

test('a file cut anywhere is a gap, in the middle of a line too', () => {
  const text = lines.join('');
  for (let length = 0; length < text.length - 1; length += 97) {
    const cut = text.slice(0, length).split('\n');
    if (cut.at(-1) === '') cut.pop();
    const result = verify(cut);
    expect(result.verdict).toBe('gap');
    expect(result.reason).toBe('the file ends before its last line');
  }
});

test('entries cut while the checkpoints stay', () => {
  expect(verify(lines.toSpliced(4, 2))).toMatchObject({ verdict: 'checkpoint', first_bad_seq: 4 });
  expect(verify(lines.toSpliced(4, 4))).toMatchObject({ verdict: 'gap', first_bad_seq: 4 });
});

test('a file that was rewritten and signed by somebody else passes only where no key is pinned', async () => {
  const forged = await exported(signerOf(2));
  expect(verify(forged)).toMatchObject({ verdict: 'ok', pinned: false });
  expect(verify(forged, { keys: [KEY] })).toMatchObject({ verdict: 'checkpoint', keys: [] });
  const renamed = forged.map((line) => line.replace(formatVerifierKey(signerOf(2)), KEY));
  expect(verify(renamed, { keys: [KEY] })).toMatchObject({ verdict: 'checkpoint', keys: [] });
});

test('an altered checkpoint is not validly signed', () => {
  const altered = lines.with(6, lines[6]!.replace('\\n3\\n', '\\n2\\n'));
  expect(verify(altered)).toMatchObject({ verdict: 'checkpoint', reason: 'the checkpoint at 2 is not validly signed' });
  const unreadable = lines.with(6, exportCheckpointLine('nothing', KEY));
  expect(verify(unreadable)).toMatchObject({ verdict: 'checkpoint', reason: 'a checkpoint cannot be read' });
  const noKey = lines.with(6, lines[6]!.replace(KEY, 'no key'));
  expect(verify(noKey)).toMatchObject({ verdict: 'checkpoint', first_bad_seq: 3 });
});

test('an end that says otherwise', () => {
  const other = exportEndLine({ seq: 5, hash: '0'.repeat(64) });
  expect(verify(lines.with(8, other))).toMatchObject({ verdict: 'tampered', first_bad_seq: 5 });
  expect(verify(lines.with(8, lines[8]!.replace(':5,', ':6,')))).toMatchObject({ verdict: 'gap', first_bad_seq: 6 });
});

const swap = (from: number, to: number) => lines.toSpliced(from, 1).toSpliced(to, 0, lines[from]!);

test.each<[string, () => string[], number]>([
  ['an empty chain of no tenant', () => [exportHeaderLine('tenant', AT), exportEndLine(emptyHead('tenant'))], 1],
  ['garbage in the middle', () => lines.toSpliced(3, 0, 'garbage'), 3],
  ['an empty line in the middle', () => lines.toSpliced(3, 0, ''), 3],
  ['a key twice', () => lines.with(3, lines[3]!.replace('{', '{"kind":"entry",')), 3],
  ['no header', () => lines.slice(1), 1],
  ['a second header', () => lines.toSpliced(3, 0, lines[0]!), 3],
  ['a header that names no tenant', () => lines.with(0, exportHeaderLine('tenant', AT)), 1],
  ['a header of another format', () => lines.with(0, lines[0]!.replace('"v":1', '"v":2')), 1],
  ['an entry after a checkpoint', () => swap(5, 7), 5],
  ['something after the end', () => [...lines, lines[7]!], 6],
  ['an unknown kind', () => lines.toSpliced(6, 0, '{"kind":"note"}'), 6],
])('%s is no export', (_, make, seq) => {
  expect(verify(make())).toMatchObject({ verdict: 'tampered', first_bad_seq: seq });
});

test("another tenant's file is refused where a tenant is asked for", () => {
  const result = verify(lines, { tenant: 'ten_00000000000000000000000000000000' });
  expect(result).toMatchObject({ verdict: 'tampered', first_bad_seq: 1, tenant: TENANT });
});

test('a pinned key that is no verifier key is a mistake of the caller', () => {
  expect(() => new ExportVerifier({ keys: ['nonsense'] })).toThrow(RangeError);
});
