import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { transformFileSync } from '@swc/core';
import { CLAIM, claim } from './claim.js';

const ROUNDS = 100;
const PROCESSES = 3;
/** Nobody has it: above what Linux, macOS and Windows number processes with. */
const NOBODY = 4_194_305 * 4;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'claim-'));
  file = path.join(folder, CLAIM);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the folder is this process’s until it gives it back', () => {
  const release = claim(file);
  expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
  release();
  expect(() => readFileSync(file)).toThrow('ENOENT');
});

test('who lives keeps it, and is named', () => {
  writeFileSync(file, `${process.ppid}\n`);
  expect(() => claim(file)).toThrow(`runs in this folder already, as process ${process.ppid}`);
  expect(readFileSync(file, 'utf8')).toBe(`${process.ppid}\n`);
});

test.each([
  ['a process that was killed', `${NOBODY}\n`],
  ['one that was killed before it wrote its number', ''],
  ['something else', 'no number'],
])('%s does not keep it', (_, content) => {
  writeFileSync(file, content);
  claim(file);
  expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
});

test('one that was killed while it looked is told of, with the way out, and nothing is taken', () => {
  writeFileSync(`${file}.lock`, '');
  expect(() => claim(file, 20)).toThrow(
    `another quickstart starts in this folder; if none does, delete ${file}.lock and start again`,
  );
  expect(() => readFileSync(file)).toThrow('ENOENT');
  rmSync(`${file}.lock`);
  claim(file)();
});

test('a folder that cannot be written is told of, with the way out', () => {
  expect(() => claim(path.join(folder, 'nowhere', CLAIM))).toThrow(
    /cannot be written \(ENOENT\); choose another folder/,
  );
});

/** Claims one file after the other, each at its moment, says which it got, and lives on until its input ends. */
const racer = (module: string, start: number) => `
  import { claim } from ${JSON.stringify(module)};
  const got = [];
  for (let round = 0; round < ${ROUNDS}; round += 1) {
    while (Date.now() < ${start} + round * 10);
    try {
      claim(${JSON.stringify(file)} + round);
      got.push(round);
    } catch (error) {
      if (!error.message.includes('already')) throw error;
    }
  }
  process.stdout.write(JSON.stringify(got) + '\\n');
  process.stdin.resume();
`;

test.each([
  ['a free folder', null],
  ['the folder of one that was killed', `${NOBODY}\n`],
])(
  'of several that start in the same instant one gets %s',
  async (_, content) => {
    const module = path.join(folder, 'claim.mjs');
    const { code } = transformFileSync(path.join(import.meta.dirname, 'claim.ts'), {
      swcrc: false,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
      module: { type: 'es6' },
    });
    writeFileSync(module, code);
    if (content !== null) for (let round = 0; round < ROUNDS; round += 1) writeFileSync(`${file}${round}`, content);
    const start = Date.now() + 1_000;
    const racers = Array.from({ length: PROCESSES }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', racer(module, start)], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const told = await Promise.all(racers.map(({ stdout }) => once(stdout.setEncoding('utf8'), 'data')));
    for (const one of racers) one.stdin.end();
    await Promise.all(racers.map((one) => once(one, 'close')));
    const got = told.flatMap(([said]) => JSON.parse(String(said)) as number[]).sort((a, b) => a - b);
    expect(got).toEqual(Array.from({ length: ROUNDS }, (__, round) => round));
  },
  120_000,
);
