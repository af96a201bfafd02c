import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CheckpointFile, type CheckpointRecord } from './checkpoint-file.js';

jest.setTimeout(60_000);

const dir = mkdtempSync(path.join(tmpdir(), 'chancery-checkpoints-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let file: string;
let count = 0;
const opened: CheckpointFile[] = [];
beforeEach(() => (file = path.join(dir, `sub-${(count += 1)}`, 'checkpoints.ndjson')));
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function open(): Promise<CheckpointFile> {
  const one = await CheckpointFile.open(file);
  opened.push(one);
  return one;
}
const record = (tenant: string, seq: number): CheckpointRecord => ({
  tenant,
  seq,
  hash: 'h'.repeat(64),
  at: '2026-11-22T00:00:00.000Z',
  note: `note ${seq}\n`,
  key: 'key',
});
const seqs = async (one: CheckpointFile, tenant: string): Promise<number[]> => {
  const found: number[] = [];
  for await (const { seq } of await one.of(tenant)) found.push(seq);
  return found;
};

test('what was appended is there for this process, for another one, and after a restart', async () => {
  const [here, there] = [await open(), await open()];
  await here.append([record('a', 1), record('b', 1)]);
  await there.append([record('a', 2)]);
  await here.append([]);
  for (const one of [here, there, await open()]) {
    expect(await seqs(one, 'a')).toEqual([1, 2]);
    expect(await seqs(one, 'b')).toEqual([1]);
    expect(await seqs(one, 'c')).toEqual([]);
    expect(one.latest('a')).toEqual(record('a', 2));
    expect(one.tenants()).toEqual(['a', 'b']);
  }
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('what another process appends meanwhile is not taken for torn', async () => {
  const [here, there] = [await open(), await open()];
  await there.append([record('a', 1)]);
  expect(await here.torn()).toBe(false);
});

test('P14: a line that a crash tore is reported, costs no other, and is never written over', async () => {
  await (await open()).append([record('a', 1), record('a', 2)]);
  const size = statSync(file).size;
  truncateSync(file, size - 10);
  const after = await open();
  expect([await after.torn(), after.unreadable, await seqs(after, 'a')]).toEqual([true, 0, [1]]);
  await after.append([record('a', 3)]);
  expect([await after.torn(), after.unreadable, await seqs(after, 'a')]).toEqual([false, 1, [1, 3]]);
  expect(await seqs(await open(), 'a')).toEqual([1, 3]);
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(4);
});

test('lines that are no records are counted and passed over, however long', async () => {
  await (await open()).append([record('a', 1)]);
  appendFileSync(file, `not json\n{"tenant":1}\n${'x'.repeat(3_000_000)}\n\n`);
  const one = await open();
  expect([one.unreadable, await seqs(one, 'a')]).toEqual([4, [1]]);
  await one.append([record('a', 2)]);
  expect(await seqs(one, 'a')).toEqual([1, 2]);
});

test('many records, appended at once from two sides, are all found', async () => {
  const [here, there] = [await open(), await open()];
  const numbers = Array.from({ length: 200 }, (_, i) => i + 1);
  await Promise.all(numbers.map((seq) => (seq % 2 ? here : there).append([record('a', seq)])));
  expect((await seqs(here, 'a')).sort((x, y) => x - y)).toEqual(numbers);
  expect([here.unreadable, there.unreadable, (await open()).unreadable]).toEqual([0, 0, 0]);
});

test('a record too long to be read back is not written', async () => {
  const one = await open();
  expect(() => one.append([{ ...record('a', 1), note: 'x'.repeat(5_000) }])).toThrow(RangeError);
  expect(statSync(file).size).toBe(0);
});

test('a file that was changed behind our back is an error, not an answer', async () => {
  const one = await open();
  await one.append([record('a', 1)]);
  writeFileSync(file, '');
  await expect(seqs(one, 'a')).rejects.toThrow('was changed');
});
