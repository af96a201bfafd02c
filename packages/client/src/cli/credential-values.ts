import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Cli } from './cli.js';
import { usage } from './cli-error.js';
import { readSecretValue } from './values.js';

export type ValueOptions = { field?: string[]; publicField?: string[] };
export type GivenValue = { value: string } | { fields: Record<string, string>; public_fields?: string[] };

const NAME = /^[a-z][a-z0-9_]{0,31}$/;

/**
 * What a credential holds: one value, or the fields that were named. A secret comes from a file, stdin or a hidden prompt and
 * never from the command line, which other processes and the shell's history see; what is public may stand there.
 */
export async function readValue(cli: Cli, name: string, options: ValueOptions, question: string): Promise<GivenValue> {
  const { field = [], publicField = [] } = options;
  if (field.length + publicField.length === 0) return { value: await readSecretValue(cli, question) };
  const fields = new Map<string, string>();
  for (const [texts, isPublic] of [
    [publicField, true],
    [field, false],
  ] as const) {
    for (const text of texts) {
      const [own, from] = split(text);
      if (fields.has(own)) throw usage(`the field ${own} is given twice`, 'name each field once');
      fields.set(own, await readField(cli, name, own, from, isPublic));
    }
  }
  const given = { fields: Object.fromEntries(fields) };
  return publicField.length === 0 ? given : { ...given, public_fields: publicField.map((text) => split(text)[0]) };
}

function split(text: string): [name: string, from: string | undefined] {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  // What stands before the `=` is not repeated: it could be a secret in the wrong place.
  if (!NAME.test(name)) throw usage('a field needs a name', '1 to 32 of a–z, 0–9, _, beginning with a letter');
  return [name, at < 0 ? undefined : text.slice(at + 1)];
}

async function readField(
  cli: Cli,
  credential: string,
  field: string,
  from: string | undefined,
  isPublic: boolean,
): Promise<string> {
  if (from?.startsWith('@')) return readFieldFile(cli, field, from.slice(1));
  if (from === '-') {
    if (cli.terminal.interactive)
      throw usage(`stdin is a terminal`, `pipe ${field} in, or leave out the =- to be asked`);
    return readSecretValue(cli, '');
  }
  if (from === undefined || from === 'prompt') {
    const ways = `say ${field}=@FILE, or ${field}=- for stdin`;
    if (!cli.terminal.interactive) throw usage(`there is no terminal to ask for ${field}`, ways);
    return readSecretValue(cli, `${field} of ${credential}: `);
  }
  if (isPublic && from !== '') return from;
  throw usage(
    `the value of ${field} does not belong on the command line`,
    `say ${field}=@FILE, ${field}=- for stdin, or ${field} alone to be asked; --public-field takes what is no secret`,
  );
}

async function readFieldFile(cli: Cli, field: string, path: string): Promise<string> {
  const bytes = await readFile(resolve(cli.io.cwd, path)).catch(() => {
    throw usage(`the file of ${field} cannot be read`, 'it is named after the @');
  });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw usage(`the file of ${field} is not UTF-8 text`, 'encode binary values first, e.g. with base64');
  }
  if (text === '') throw usage(`the file of ${field} is empty`, 'it is named after the @');
  return text;
}
