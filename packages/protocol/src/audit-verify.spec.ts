import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { type AuditEntry, entryHash, genesisPrev } from './audit-entry.js';
import { type ChainVerification, ChainVerifier } from './audit-verify.js';

const TENANT = 'ten_0190a0a0a0a07000800000000000000a';
const OTHER = 'ten_0190a0a0a0a07000800000000000000b';

type Row = { entry: AuditEntry; hash: string };
type Finish = Parameters<ChainVerifier['finish']>[0];

function chainOf(length: number, tenant = TENANT): Row[] {
  const rows: Row[] = [];
  for (let seq = 1; seq <= length; seq++) {
    const entry: AuditEntry = {
      v: 1,
      tenant,
      seq,
      at: new Date(1_795_332_600_000 + seq).toISOString(),
      actor: 'system',
      action: 'test',
      outcome: 'ok',
      details: { n: seq },
      salt: seq.toString(16).padStart(32, '0'),
      prev: rows.at(-1)?.hash ?? genesisPrev(tenant),
    };
    rows.push({ entry, hash: entryHash(entry) });
  }
  return rows;
}

const alter = ({ entry, hash }: Row, more: object): Row => ({ entry: { ...entry, ...more }, hash });
const rehash = ({ entry }: Row): Row => ({ entry, hash: entryHash(entry) });
const at = (rows: Row[], seq: number, change: (row: Row) => Row) => rows.with(seq - 1, change(rows[seq - 1]!));
const checkpointOf = ({ entry, hash }: Row) => ({ tenant: entry.tenant, seq: entry.seq, hash, at: entry.at });

function verify(rows: Row[], options: Finish & { checkpoints?: Row[] } = {}): ChainVerification {
  const verifier = new ChainVerifier({ tenant: TENANT });
  for (const { entry, hash } of rows) verifier.push(entry, hash);
  for (const row of options.checkpoints ?? []) verifier.checkpoint(checkpointOf(row), true);
  return verifier.finish(options);
}

const chain = chainOf(9);

/** The chain with one entry altered, and it and all after it hashed and linked again. */
function rewritten(from: number, more: object): Row[] {
  const rows = chain.slice(0, from - 1);
  for (const row of chain.slice(from - 1)) {
    const prev = rows.at(-1)?.hash ?? genesisPrev(TENANT);
    rows.push(rehash(alter(row, { prev, ...(row.entry.seq === from && more) })));
  }
  return rows;
}

const head = { seq: 9, hash: chain[8]!.hash };

test('an honest chain is ok, with its checkpoints and its head', () => {
  expect(verify(chain, { expectedHead: head, checkpoints: [chain[2]!, chain[8]!] })).toEqual({
    verdict: 'ok',
    entries: 9,
    head,
    first_bad_seq: null,
    reason: null,
    checkpoints: { checked: 2, last_seq: 9 },
  });
});

test('an empty chain is ok', () => {
  const empty = { seq: 0, hash: genesisPrev(TENANT) };
  expect(verify([], { expectedHead: empty })).toMatchObject({
    verdict: 'ok',
    entries: 0,
    head: empty,
    first_bad_seq: null,
  });
});

test('a digest of the caller is used throughout', () => {
  const digest = jest.fn((text: string) => createHash('sha256').update(text).digest('hex'));
  const verifier = new ChainVerifier({ tenant: TENANT, digest });
  for (const { entry, hash } of chain) verifier.push(entry, hash);
  expect(verifier.finish().verdict).toBe('ok');
  expect(digest).toHaveBeenCalledTimes(9);
});

test('any one altered member of any one entry is named exactly', () => {
  const alterations = fc.constantFrom<object>(
    { actor: 'me' },
    { action: 'x' },
    { outcome: 'denied' },
    { details: {} },
    { at: '2020-01-01T00:00:00.000Z' },
    { salt: 'f'.repeat(32) },
    { prev: '0'.repeat(64) },
    { tenant: OTHER },
    { seq: 77 },
    { seq: 1_000 },
    { v: 2 },
    { actor: '' },
    { details: null },
    { extra: 1 },
    { details: { amount: 0.5 } },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), alterations, (seq, more) => {
      const result = verify(
        at(chain, seq, (row) => alter(row, more)),
        { expectedHead: head, checkpoints: chain },
      );
      expect(result).toMatchObject({ verdict: 'tampered', first_bad_seq: seq, entries: 9 });
      expect(result.reason).toContain(`entry ${seq}`);
    }),
  );
});

test('an altered stored hash is named exactly', () => {
  const result = verify(
    at(chain, 4, ({ entry }) => ({ entry, hash: 'ab'.repeat(32) })),
    { expectedHead: head },
  );
  expect(result).toMatchObject({ verdict: 'tampered', first_bad_seq: 4 });
  expect(verify(at(chain, 4, ({ entry }) => ({ entry, hash: undefined as never })))).toMatchObject({
    first_bad_seq: 4,
  });
});

test('an entry altered and hashed again is named, since the next one vouches for what it followed', () => {
  for (let seq = 1; seq <= 8; seq++) {
    const rows = at(chain, seq, (row) => rehash(alter(row, { outcome: 'denied' })));
    expect(verify(rows, { expectedHead: head })).toMatchObject({ verdict: 'tampered', first_bad_seq: seq });
    expect(verify(rows, { checkpoints: [chain[8]!] })).toMatchObject({ verdict: 'tampered', first_bad_seq: seq });
  }
});

test('an entry that is itself unsound vouches for nothing', () => {
  const rows = at(chain, 4, (row) => rehash(alter(row, { outcome: 'denied' })));
  const more = at(rows, 6, (row) => alter(row, { outcome: 'denied' }));
  expect(verify(more, { expectedHead: head })).toMatchObject({ verdict: 'tampered', first_bad_seq: 5 });
});

test('an entry linked elsewhere and hashed again is named, since nothing follows it', () => {
  const rows = at(chain, 5, (row) => rehash(alter(row, { prev: '0'.repeat(64) })));
  expect(verify(rows, { expectedHead: head })).toMatchObject({ verdict: 'tampered', first_bad_seq: 5 });
  const last = at(chain, 9, (row) => rehash(alter(row, { prev: '0'.repeat(64) })));
  expect(verify(last)).toMatchObject({ verdict: 'tampered', first_bad_seq: 9 });
  expect(verify(last, { expectedHead: head })).toMatchObject({ verdict: 'tampered', first_bad_seq: 9 });
});

test('the last entry altered and hashed again is betrayed by the head, or by a checkpoint', () => {
  const rows = at(chain, 9, (row) => rehash(alter(row, { outcome: 'denied' })));
  expect(verify(rows, { expectedHead: head })).toMatchObject({ verdict: 'tampered', first_bad_seq: 9 });
  expect(verify(rows, { checkpoints: [chain[8]!] })).toMatchObject({ verdict: 'checkpoint', first_bad_seq: 9 });
  expect(verify(rows)).toMatchObject({ verdict: 'ok' });
});

test('a whole suffix rewritten is betrayed by the first checkpoint in it', () => {
  const rows = rewritten(5, { outcome: 'no' });
  expect(verify(rows, { expectedHead: { seq: 9, hash: rows[8]!.hash } })).toMatchObject({ verdict: 'ok' });
  const result = verify(rows, { checkpoints: [chain[8]!, chain[5]!, chain[3]!] });
  expect(result).toMatchObject({ verdict: 'checkpoint', first_bad_seq: 6, checkpoints: { checked: 3, last_seq: 9 } });
});

test('the first entry must follow the genesis hash of its tenant', () => {
  const wrong = { prev: '0'.repeat(64) };
  expect(verify(at(chain, 1, (row) => rehash(alter(row, wrong))))).toMatchObject({
    verdict: 'tampered',
    first_bad_seq: 1,
  });
  expect(verify(rewritten(1, wrong))).toMatchObject({ verdict: 'tampered', first_bad_seq: 1 });
});

test("another tenant's chain is not this one's", () => {
  expect(verify(chainOf(3, OTHER))).toMatchObject({ verdict: 'tampered', first_bad_seq: 1 });
  expect(verify(rewritten(5, { tenant: OTHER }))).toMatchObject({ verdict: 'tampered', first_bad_seq: 5 });
});

test('missing entries are a gap at the first of them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }), (first, count) => {
      const rows = chain.filter(({ entry }) => entry.seq < first || entry.seq >= Math.min(first + count, 9));
      const result = verify(rows, { expectedHead: head, checkpoints: chain });
      expect(result).toMatchObject({ verdict: 'gap', first_bad_seq: first });
    }),
  );
});

test('an altered entry after missing ones does not hide the gap', () => {
  const rows = at(chain, 6, (row) => alter(row, { outcome: 'x' })).filter(({ entry }) => entry.seq !== 5);
  expect(verify(rows)).toMatchObject({ verdict: 'gap', first_bad_seq: 5 });
});

test('an entry again is a gap there; entries out of order are one at the missing one', () => {
  expect(verify(chain.toSpliced(5, 0, chain[4]!))).toMatchObject({ verdict: 'gap', first_bad_seq: 5 });
  expect(verify(chain.with(3, chain[4]!).with(4, chain[3]!))).toMatchObject({ verdict: 'gap', first_bad_seq: 4 });
});

test('a cut tail: a checkpoint knows it, else the head does, else nobody', () => {
  const rows = chain.slice(0, 6);
  const cut = { verdict: 'checkpoint', first_bad_seq: 7 };
  expect(verify(rows, { checkpoints: [chain[2]!, chain[8]!] })).toMatchObject(cut);
  expect(verify(rows, { checkpoints: [chain[8]!], expectedHead: head })).toMatchObject(cut);
  expect(verify(rows, { expectedHead: head })).toMatchObject({ verdict: 'gap', first_bad_seq: 7 });
  expect(verify(rows, { truncated: 'cut' })).toMatchObject({ verdict: 'gap', first_bad_seq: 7, reason: 'cut' });
  expect(verify(rows)).toMatchObject({ verdict: 'ok', head: { seq: 6 } });
  expect(verify([], { checkpoints: [chain[8]!] })).toMatchObject({ verdict: 'checkpoint', first_bad_seq: 1 });
});

test('entries beyond the head were never acknowledged', () => {
  const short = { seq: 7, hash: chain[6]!.hash };
  expect(verify(chain, { expectedHead: short })).toMatchObject({ verdict: 'tampered', first_bad_seq: 8 });
  const none = { seq: 0, hash: genesisPrev(TENANT) };
  expect(verify(chain, { expectedHead: none })).toMatchObject({ verdict: 'tampered', first_bad_seq: 1 });
});

test('of several faults the lowest position is reported, the chain before a checkpoint', () => {
  const tamperedAt4 = at(chain, 4, (row) => alter(row, { outcome: 'x' }));
  const wrong = (seq: number) => ({ ...chain[seq - 1]!, hash: '0'.repeat(64) });
  expect(verify(tamperedAt4, { checkpoints: [wrong(3)] })).toMatchObject({ verdict: 'checkpoint', first_bad_seq: 3 });
  expect(verify(tamperedAt4, { checkpoints: [wrong(4)] })).toMatchObject({ verdict: 'tampered', first_bad_seq: 4 });
  expect(verify(tamperedAt4, { checkpoints: [wrong(6)] })).toMatchObject({ verdict: 'tampered', first_bad_seq: 4 });
  const twice = at(tamperedAt4, 2, (row) => alter(row, { outcome: 'x' }));
  expect(verify(twice)).toMatchObject({ verdict: 'tampered', first_bad_seq: 2 });
});

test('a checkpoint that nobody signed, of another tenant or unreadable is reported when nothing else is wrong', () => {
  const bad = (rows: Row[], give: (verifier: ChainVerifier) => void) => {
    const verifier = new ChainVerifier({ tenant: TENANT });
    give(verifier); // checkpoints may come first
    for (const { entry, hash } of rows) verifier.push(entry, hash);
    return verifier.finish();
  };
  const unsigned = bad(chain, (verifier) => verifier.checkpoint(checkpointOf(chain[2]!), false));
  expect(unsigned).toMatchObject({ verdict: 'checkpoint', first_bad_seq: 3, checkpoints: { checked: 1, last_seq: 0 } });
  const foreign = bad(chain, (verifier) => verifier.checkpoint({ ...checkpointOf(chain[2]!), tenant: OTHER }, true));
  expect(foreign).toMatchObject({ verdict: 'checkpoint', reason: 'a checkpoint at 3 is of another tenant' });
  const unreadable = bad(chain, (verifier) => verifier.checkpoint(undefined, false));
  expect(unreadable).toMatchObject({ verdict: 'checkpoint', first_bad_seq: null });
  const rows = at(chain, 8, (row) => alter(row, { outcome: 'x' }));
  const both = bad(rows, (verifier) => verifier.checkpoint(checkpointOf(chain[2]!), false));
  expect(both).toMatchObject({ verdict: 'tampered', first_bad_seq: 8 });
});

test('anything at all may stand where an entry should', () => {
  for (const garbage of [undefined, null, 7, 'entry', [], {}, { seq: 'x' }]) {
    const verifier = new ChainVerifier({ tenant: TENANT });
    verifier.push(chain[0]!.entry, chain[0]!.hash);
    verifier.push(garbage, garbage);
    expect(verifier.finish()).toMatchObject({ verdict: 'tampered', first_bad_seq: 2, entries: 2 });
  }
});

test('a long chain is checked to its end, over every checkpoint', () => {
  const long = chainOf(4_200);
  const every = long.filter((_, i) => i % 500 === 99);
  expect(verify(long, { checkpoints: every })).toMatchObject({ verdict: 'ok', checkpoints: { checked: 9 } });
  const wrong = { ...long[4_150]!, hash: long[4_149]!.hash };
  expect(verify(long, { checkpoints: [...every, wrong] })).toMatchObject({
    verdict: 'checkpoint',
    first_bad_seq: 4_151,
  });
});
