import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { PACKAGE_ROOT } from '../package-root.js';
import { inSource } from './source-frames.js';

/** Line 1 comes from line 3 of `src/a.ts`, line 2 from a package, of which the map says nothing. */
const MAP = { version: 3, sources: [path.join(PACKAGE_ROOT, 'src/a.ts')], names: [], mappings: 'AAEA,IAAI;;' };

let dir: string;
let bundle: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'frames-'));
  writeFileSync(path.join(dir, 'bundle.js.map'), JSON.stringify(MAP));
  bundle = pathToFileURL(path.join(dir, 'bundle.js')).href;
});

test('a frame in a bundle names the line of the source', () => {
  expect(inSource(`Decide.execute (${bundle}:1:1)`, dir)).toBe('Decide.execute (src/a.ts:3:1)');
  expect(inSource(`async Decide.execute (${bundle}:1:9)`, dir)).toBe('async Decide.execute (src/a.ts:3:5)');
  expect(inSource(`${bundle}:1:1`, dir)).toBe('src/a.ts:3:1');
});

test('a line that the map does not know is not taken for the one before it', () => {
  const frame = `Pool.query (${bundle}:2:5)`;
  expect(inSource(frame, dir)).toBe(frame);
});

test('what is no place in a bundle stays as it is', () => {
  for (const frame of [
    `work (${bundle.replace('bundle', 'other')}:1:1)`,
    'Socket.emit (node:events:524:28)',
    'async Promise.all (index 0)',
    'work (file://elsewhere/bundle.js:1:1)',
    '',
  ])
    expect(inSource(frame, dir)).toBe(frame);
});

test('only our own build is looked into', () => {
  const frame = `Decide.execute (${bundle}:1:1)`;
  expect(inSource(frame)).toBe(frame);
});
