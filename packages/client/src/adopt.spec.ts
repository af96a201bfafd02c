import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

jest.setTimeout(60_000);

const ROOT = path.resolve(__dirname, '../../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const found = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name = '']) => name);
const snippetsOf = (file: string) => found(read(file), /```(?:js|ts)\n(.*?)```/gs);

test('the snippets of the papers fit the packages they name', () => {
  const snippets = ['docs/adopt.md', 'packages/client/README.md'].flatMap(snippetsOf);
  expect(snippets.length).toBeGreaterThan(6);
  // below the root, where the packages are
  const dir = mkdtempSync(path.join(ROOT, 'node_modules', '.adopt-'));
  try {
    snippets.forEach((code, at) => writeFileSync(path.join(dir, `snippet-${at}.mts`), code));
    const compilerOptions = { types: ['node'], noUnusedLocals: false };
    const config = { extends: '../../tsconfig.json', compilerOptions, include: ['*.mts'] };
    writeFileSync(path.join(dir, 'tsconfig.json'), JSON.stringify(config));
    execFileSync(process.execPath, [path.join(ROOT, 'node_modules/typescript7/bin/tsc'), '-p', dir], { stdio: 'pipe' });
  } catch (error) {
    throw new Error(String((error as { stdout?: Buffer }).stdout ?? error), { cause: error });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

describe('docs/client-errors.md', () => {
  const source = readdirSync(path.join(ROOT, 'packages/client/src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => read(path.join('packages/client/src', name)));
  const inSource = (pattern: RegExp) => source.flatMap((text) => found(text, pattern));
  const local = inSource(/type LocalCode =([^;]+);/g).flatMap((text) => found(text, /'([a-z_]+)'/g));
  const written = [
    ...local,
    ...inSource(/\bcode(?::| =) '([a-z_]+)'/g),
    ...inSource(/\bnew CliError\(\s*'([a-z_]+)'/g),
    'usage',
  ];
  const pages = new Set(readdirSync(path.join(ROOT, 'docs/errors')).map((name) => path.basename(name, '.md')));

  test('every code the client makes has its cause and way out', () => {
    const own = [...new Set(written)].filter((code) => !pages.has(code));
    expect(local.length).toBeGreaterThan(5);
    const rows = found(read('docs/client-errors.md'), /^\| `([a-z_]+)` +\| \S.* \| \S.* \|$/gm);
    expect([...rows].sort()).toEqual(own.sort());
  });

  test('every code the command knows a way out of is somebody’s', () => {
    const table = /const WAYS_OUT[^{]+\{(.*?)\n\};/s.exec(read('packages/client/src/cli/cli-error.ts'))![1]!;
    const known = found(table, /^ {2}([a-z_]+):/gm);
    expect(known.length).toBeGreaterThan(30);
    expect(known.filter((code) => !pages.has(code) && !written.includes(code))).toEqual([]);
  });
});
