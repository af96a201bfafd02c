import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const filesIn = (dir: string, end: string): string[] =>
  readdirSync(path.join(ROOT, dir), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => path.join(dir, name));

const sourceFiles = filesIn('src', '.ts').filter((file) => !file.endsWith('.spec.ts'));
const source = sourceFiles.map(read);
const found = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name = '']) => name);
const inSource = (pattern: RegExp): string[] => source.flatMap((text) => found(text, pattern));
/** Names actions, each before its event, which looks like one. */
const NAMES_ACTIONS = 'src/audit/notable.ts';
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

/** Codes that are zod's, or that never leave the server. */
const NOT_ANSWERED = new Set(['custom', 'aborted']);

/** What the client makes of an answer that is no error: its page is linked from there. */
const OF_THE_CLIENT = ['approval_pending'];

/** Where a code is written: a problem's or a refusal's `code`, or a member of a type of codes. */
function codes(): string[] {
  const literals = inSource(/\bcode: ('[a-z_]+'(?: \| '[a-z_]+')*)/g);
  const unions = inSource(/\btype \w*(?:ErrorCode|DenialCode|RefusalCode|ApprovalDenial) =([^;]+);/g);
  const names = [...literals, ...unions].flatMap((text) => found(text, /'([a-z_]+)'/g));
  return sorted([...names.filter((name) => !NOT_ANSWERED.has(name)), ...OF_THE_CLIENT]);
}

test('every code has a page, and every page a code', () => {
  const pages = filesIn('docs/errors', '.md').map((file) => path.basename(file, '.md'));
  expect(codes().length).toBeGreaterThan(60);
  expect(sorted(pages)).toEqual(codes());
});

test.each(codes())('the page of %s says what it is, why, and the way out', (code) => {
  const page = read(`docs/errors/${code}.md`);
  expect(page).toMatch(new RegExp(`^# ${code}\n\nStatus [1-5][0-9]{2}[ ,.]`));
  expect(found(page, /^## (.+)$/gm)).toEqual(['Why', 'What to do']);
});

/** The first column of a table under a heading of the reference. */
function firstColumn(heading: string): string[] {
  const section =
    read('docs/reference.md')
      .split(/^## /m)
      .find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return found(section, /^\| `([a-z_.]+)`/gm);
}

test('the reference has every audit action, and no other', () => {
  const written = inSource(/\baction: '([a-z_.]+)'/g);
  const kinds = sorted(written.map((action) => action.split('.', 1)[0] as string)).join('|');
  // Some are chosen or put together before they are written.
  const pattern = new RegExp(`'((?:${kinds}|session)\\.[a-z_.]+)'`, 'g');
  const elsewhere = sourceFiles.filter((file) => file !== NAMES_ACTIONS).flatMap((file) => found(read(file), pattern));
  elsewhere.push(...found(read(NAMES_ACTIONS), /'([a-z_.]+)': '/g));
  expect(firstColumn('Audit actions')).toEqual(sorted([...written, ...elsewhere, 'credential.use.outcome']));
});

test('the reference has every table, and no other', () => {
  expect(sorted(firstColumn('Tables'))).toEqual(sorted(inSource(/chancerySchema\.table\(\s*'([a-z_]+)'/g)));
});

const papers = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'CONTRIBUTING.md', ...filesIn('docs', '.md')];

test.each(papers)('%s: what it names is there', (paper) => {
  const text = read(paper);
  const named = found(text, /`((?:src|test|packages|infra|migrations|docs)\/[\w./-]*\w)`/g);
  const linked = found(text, /\]\(([^)#:]+)(?:#[^)]*)?\)/g).map((link) => path.join(path.dirname(paper), link));
  expect([...named, ...linked].filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
});
