// What the attack tests saw: printed as a table, and held against docs/attacks.md, which is made from it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './program.mjs';

const DOCUMENT = path.join(root, 'docs/attacks.md');
const SPECS = path.join(root, 'test/attacks');
const [BEGIN, END] = ['<!-- generated: attacks -->', '<!-- end of attacks -->'];
const COLUMNS = 120;
/** Of the attacks that came to the same, so many stand in the document. */
const EXAMPLES_MAX = 4;
const EXAMPLE_CHARS_MAX = 60;

const rows = JSON.parse(readFileSync(path.join(SPECS, 'rows.json'), 'utf8'));

/** Every attack that was reported into `dir`, in the order of the table. */
export function readAttacks(dir) {
  const reports = readdirSync(dir)
    .sort()
    .flatMap((file) => readFileSync(path.join(dir, file), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line));
  return rows.map((about) => ({ ...about, reports: reports.filter((one) => one.row === about.row) }));
}

/** Whether a run was of all attacks, so that a row without a report is a row without a test. */
export function isWhole(attacks) {
  const reported = new Set(attacks.flatMap(({ reports }) => reports.map(({ file }) => path.basename(file))));
  return readdirSync(SPECS).every((file) => !file.endsWith('.spec.ts') || reported.has(file));
}

/** One line an attack: the way in, what was sent, what was seen. */
export function attackTable(attacks) {
  const lines = [];
  let lastPart;
  for (const { row, part, attack, reports } of attacks) {
    if (part !== lastPart) lines.push('', part);
    lastPart = part;
    lines.push('', `${row.padStart(4)}  ${attack}`);
    if (reports.length === 0) lines.push('      FAIL no test reported this row');
    for (const { ok, door, sent, seen } of reports) {
      const what = clip(sent, COLUMNS - 66);
      lines.push(`      ${ok ? 'ok  ' : 'FAIL'} ${door.padEnd(7)} ${what.padEnd(COLUMNS - 66)}  ${clip(seen, 43)}`);
    }
  }
  return lines.join('\n');
}

/** What is wrong with the run: attacks that were not withstood, rows that nobody tried. */
export function attackFaults(attacks) {
  const untried = attacks
    .filter(({ reports }) => reports.length === 0)
    .map(({ row }) => `row ${row}: no test reported it`);
  const failed = attacks.flatMap(({ row, reports }) =>
    reports.filter(({ ok }) => !ok).map(({ sent, file }) => `row ${row}: ${clip(sent, EXAMPLE_CHARS_MAX)} (${file})`),
  );
  const unbroken = attacks
    .filter(({ broken }) => !broken)
    .map(({ row }) => `row ${row}: rows.json does not say what was broken to see its tests fail`);
  return [...untried, ...failed, ...unbroken];
}

export function attackCount(attacks) {
  return attacks.reduce((sum, { reports }) => sum + reports.length, 0);
}

/** Whether docs/attacks.md says what was seen; `write` makes it say so. */
export function documentAgrees(attacks, { write = false } = {}) {
  const text = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : '';
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/attacks.md has no place marked "${BEGIN}" … "${END}"`);
  const fresh = `${text.slice(0, from)}${BEGIN}\n\n${document(attacks)}\n\n${text.slice(to)}`;
  if (write) writeFileSync(DOCUMENT, fresh);
  return write || fresh === text;
}

function document(attacks) {
  const parts = [...new Set(attacks.map(({ part }) => part))].map((part) => {
    const lines = attacks.filter((one) => one.part === part).flatMap(documentRows);
    return `## ${part}\n\n${table(['#', 'attack', 'sent', 'seen', 'shown by'], lines)}`;
  });
  const broken = attacks.map(({ row, broken: what }) => [row, what ?? '']);
  return [...parts, `${SEEN_FAILING}\n\n${table(['#', 'broken'], broken)}`].join('\n\n');
}

const SEEN_FAILING = `## How the rows were seen to fail

What cannot fail shows nothing. Each of these was broken in a copy of the code, most of them alone, and turned tests of its row red;
the list is kept by hand, in \`test/attacks/rows.json\`.`;

/** One line for each answer: a row whose attacks came to different ones has several. */
function documentRows({ row, attack, reports }) {
  const groups = new Map();
  for (const { seen, sent, file } of reports) {
    const key = `${seen}\0${file}`;
    if (!groups.has(key)) groups.set(key, { seen, file, sent: new Set() });
    groups.get(key).sent.add(sent);
  }
  return [...groups.values()].map(({ seen, file, sent }, index) => [
    index === 0 ? row : '',
    index === 0 ? attack : '',
    examples([...sent]),
    seen,
    `\`${file}\``,
  ]);
}

function examples(sent) {
  const shown = sent.slice(0, EXAMPLES_MAX).map((text) => code(clip(text, EXAMPLE_CHARS_MAX)));
  return `${shown.join(', ')}${sent.length > EXAMPLES_MAX ? ` … (${sent.length})` : ''}`;
}

/** As code, whatever it holds; a link or a tag would otherwise come alive. */
const code = (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);

/** As prettier aligns it, so that both are content with the same file. */
function table(heads, lines) {
  const cells = [heads, ...lines].map((line) => line.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = heads.map((_, column) => Math.max(3, ...cells.map((line) => width(line[column]))));
  const show = (line) =>
    `| ${line.map((cell, column) => cell + ' '.repeat(widths[column] - width(cell))).join(' | ')} |`;
  const [head, ...body] = cells;
  return [show(head), `| ${widths.map((wide) => '-'.repeat(wide)).join(' | ')} |`, ...body.map(show)].join('\n');
}

const width = (text) => [...text].length;

function clip(text, max) {
  const letters = [...text];
  return letters.length <= max ? text : `${letters.slice(0, max - 1).join('')}…`;
}
