import { ownText } from '../crypto/own-memory.js';

/** Trailers as undici reads them, as text, with one byte in each character again. They may hold an echoed secret. */
export function trailersOf(read: Readonly<Record<string, string | string[]>>): [name: string, value: string][] {
  return Object.entries(read).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, ownText(value).toString('latin1')]),
  );
}
