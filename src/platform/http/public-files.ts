import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PACKAGE_ROOT } from '../package-root.js';

const ui = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** Every file that is ever served, by name: no path comes from a request. */
const files = {
  'openapi.json': path.join(PACKAGE_ROOT, 'openapi.json'),
  'SECURITY.md': path.join(PACKAGE_ROOT, 'SECURITY.md'),
  'swagger-ui.css': path.join(ui, 'swagger-ui.css'),
  'swagger-ui-bundle.js': path.join(ui, 'swagger-ui-bundle.js'),
} as const;

const kept = new Map<string, Promise<Buffer>>();

export type PublicFile = keyof typeof files;

export const isPublicFile = (name: string): name is PublicFile => Object.hasOwn(files, name);

/** Read once; rejects when the file does not ship with this build. */
export function publicFile(name: PublicFile): Promise<Buffer> {
  return keep(files[name]);
}

const CODE = /^[a-z][a-z0-9_]{0,63}$/;

/** The page of a problem code, or null when there is no such code. */
export async function errorPage(code: string): Promise<Buffer | null> {
  if (!CODE.test(code)) return null;
  try {
    return await readFile(path.join(PACKAGE_ROOT, 'docs', 'errors', `${code}.md`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function keep(file: string): Promise<Buffer> {
  const known = kept.get(file);
  if (known) return known;
  const read = readFile(file);
  kept.set(file, read);
  read.catch(() => kept.delete(file));
  return read;
}
