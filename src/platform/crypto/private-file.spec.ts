import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createPrivateFile,
  makePrivateDirectory,
  readPrivateFile,
  replacePrivateFile,
  shredFile,
} from './private-file.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'private-file-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('many create one name at once: one succeeds, the content is whole, nothing is left beside it', async () => {
  const path = join(directory, 'key');
  const contents = Array.from({ length: 20 }, (_, i) => Buffer.alloc(5000, i));
  const results = await Promise.allSettled(contents.map((content) => createPrivateFile(path, content)));
  const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
  expect(winners).toHaveLength(1);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'EEXIST' } });
  expect(await readFile(path)).toEqual(contents[winners[0]!]);
  expect(await readdir(directory)).toEqual(['key']);
});

test('a reader during replacement sees the old content or the new one, whole', async () => {
  const path = join(directory, 'key');
  await createPrivateFile(path, Buffer.alloc(4096, 0));
  const state = { replacing: true };
  const replacing = (async () => {
    for (let i = 1; i <= 30; i += 1) await replacePrivateFile(path, Buffer.alloc(4096, i));
    state.replacing = false;
  })();
  while (state.replacing) {
    const seen = await readPrivateFile(path, 4096);
    expect(seen.length).toBe(4096);
    expect(new Set(seen).size).toBe(1);
  }
  await replacing;
  expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600');
  expect(await readdir(directory)).toEqual(['key']);
});

test('a large file, a FIFO and a directory are refused without hanging', async () => {
  await writeFile(join(directory, 'large'), Buffer.alloc(101), { mode: 0o600 });
  await expect(readPrivateFile(join(directory, 'large'), 100)).rejects.toThrow('101 bytes, at most 100');
  execFileSync('mkfifo', ['-m', '600', join(directory, 'fifo')]);
  await expect(readPrivateFile(join(directory, 'fifo'), 100)).rejects.toThrow('not a regular file');
  await expect(readPrivateFile(directory, 100)).rejects.toThrow('not a regular file');
});

test('directories are made private at every level, and again without complaint', async () => {
  const path = join(directory, 'a', 'b', 'c');
  await makePrivateDirectory(path);
  await makePrivateDirectory(path);
  for (const level of ['a', 'a/b', 'a/b/c']) expect((await stat(join(directory, level))).mode & 0o777).toBe(0o700);
});

test('a shredded file is gone', async () => {
  await createPrivateFile(join(directory, 'key'), Buffer.from('secret'));
  await shredFile(join(directory, 'key'));
  expect(await readdir(directory)).toEqual([]);
});
