import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Client } from 'pg';

const every = (text: string, of: (hexDigits: string) => string): string =>
  [...Buffer.from(text)].map((byte) => of(byte.toString(16).padStart(2, '0'))).join('');

/**
 * The forms in which `marker` would be found inside whatever holds it: itself, hexadecimal, escaped, and the middle of its
 * base64 at each of three alignments. Letters and digits alone, so that no other encoding changes it.
 */
export function formsOf(marker: string): string[] {
  const bases = ['', 'x', 'xy'].map((shift) => Buffer.from(`${shift}${marker}`).toString('base64').slice(4, -4));
  const hex = Buffer.from(marker).toString('hex');
  const escaped = ['%', '%25', '\\u00', '\\\\u00', '&#x'].map((lead) =>
    every(marker, (digits) => `${lead}${digits}${lead === '&#x' ? ';' : ''}`),
  );
  const decimal = every(marker, (digits) => `&#${parseInt(digits, 16)};`);
  const wide = Buffer.from(marker, 'utf16le').toString('latin1');
  return [marker, hex, hex.toUpperCase(), ...bases, ...escaped, decimal, wide];
}

export const foundIn = (bytes: Buffer, forms: readonly string[]): string[] =>
  forms.filter((form) => bytes.includes(form, 0, 'latin1'));

const ISSUED_PREFIX = /^(?:chy_[a-z]+_|whsec_|.*\.)/s;
const ISSUED_BYTES = 16;

/** What the server itself issued and tells nobody again: as it was shown, and from the middle of the bytes that it stands for. */
export function formsOfIssued(shown: string): string[] {
  const bytes = Buffer.from(shown.replace(ISSUED_PREFIX, ''), 'base64url');
  const middle = bytes.subarray(bytes.length >> 1, (bytes.length >> 1) + ISSUED_BYTES);
  return [shown, middle.toString('latin1'), middle.toString('hex')];
}

/** Every row of every table of every schema that is not PostgreSQL's own, as text, by `schema.table`. */
export async function databaseDump(admin: Client): Promise<ReadonlyMap<string, Buffer>> {
  const { rows: tables } = await admin.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema') order by 1`,
  );
  const dump = new Map<string, Buffer>();
  for (const { name } of tables) {
    const { rows } = await admin.query<{ row: string }>(`select t::text as row from ${name} t`);
    // A bytea shows as hexadecimal, and could hold what was written into it in any form.
    const bytes = rows.flatMap(({ row }) =>
      [...row.matchAll(/\\x([0-9a-f]+)/g)].map(([, hex = '']) => Buffer.from(hex, 'hex')),
    );
    const pieces = [...rows.map(({ row }) => Buffer.from(row)), ...bytes];
    dump.set(name, Buffer.concat(pieces.flatMap((piece) => [piece, Buffer.from('\n')])));
  }
  return dump;
}

/** All files below `dir`, one behind the other. */
export function filesBelow(dir: string): Buffer {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => path.join(dir, name));
  return Buffer.concat(files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file)));
}
