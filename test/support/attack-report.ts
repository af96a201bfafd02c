import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** One attack as it went: what a test sent and what it saw, written down while it ran and never by hand. */
export interface AttackRecord {
  readonly row: string;
  /** The way in: the door a use took, or `api` for the routes of people. */
  readonly door: string;
  readonly sent: string;
  readonly seen: string;
  readonly ok: boolean;
  readonly file: string;
}

/** What came of it, in a few words without times, ports or chance: the same attack must read the same tomorrow. */
export interface Outcome {
  readonly status: number;
  readonly code: string | null;
  readonly redactions?: number | null;
  readonly broken?: boolean;
}

/** Notes an outcome, and hands it back to be looked at. */
export type Saw = <T extends Outcome | string>(outcome: T) => T;

const ROWS = new Set((createRequire(__filename)('../attacks/rows.json') as { row: string }[]).map(({ row }) => row));
const ROOT = path.resolve(__dirname, '../..');
const SEEN_MAX = 3;

/** A test of one row of the attack table. It must say what it saw: an attack that nobody looked at was withstood by nobody. */
export function attack(row: string, door: string, sent: string, run: (saw: Saw) => Promise<void>): void {
  if (!ROWS.has(row)) throw new Error(`the attack table has no row ${row}`);
  const what = visible(sent);
  test(`ATTACKS ${row} (${door}): ${what}`, async () => {
    const seen: string[] = [];
    const saw: Saw = (outcome) => {
      const text = typeof outcome === 'string' ? outcome : textOf(outcome);
      if (seen.length < SEEN_MAX && seen.at(-1) !== text) seen.push(text);
      return outcome;
    };
    let ok = false;
    try {
      await run(saw);
      expect(seen).not.toEqual([]);
      ok = true;
    } finally {
      write({ row, door, sent: what, seen: seen.join(', then '), ok, file: fileOf() });
    }
  });
}

/** Zero-width, full-width and control characters as escapes: a table must show what was sent. */
const visible = (text: string): string =>
  text.replace(/[^\x20-\x7e…’]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

export function textOf({ status, code, redactions, broken }: Outcome): string {
  const redacted = (redactions ?? 0) > 0 ? ', redacted' : '';
  return `${status}${code === null ? '' : ` ${code}`}${redacted}${broken === true ? ', broken off' : ''}`;
}

const fileOf = (): string => path.relative(ROOT, expect.getState().testPath ?? '');

/** `npm test` names the folder; a spec that is run by itself reports to nobody. */
function write(record: AttackRecord): void {
  const dir = process.env.CHANCERY_ATTACKS_DIR;
  if (dir === undefined) return;
  const file = path.join(dir, `${path.basename(record.file)}.ndjson`);
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}
