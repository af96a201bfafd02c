// `npm run generate`: writes every file that is made from the source. With --check it only says which are stale.
// A generator is a module of src named *.generator.ts that exports `file` and `generate(): Promise<string> | string`.
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';
import { fail, isEntry, root, tool } from './program.mjs';

/** The names of files whose content is not what their generator makes of the source. */
export async function staleFiles() {
  const stale = [];
  for (const { file, text } of await generatedFiles()) {
    const target = path.join(root, file);
    if (!existsSync(target) || readFileSync(target, 'utf8') !== text) stale.push(file);
  }
  if (await tablesAreAhead()) stale.push('migrations');
  return stale;
}

async function generatedFiles() {
  const dist = path.join(root, 'dist');
  const generators = (await readdir(dist, { recursive: true })).filter((name) => name.endsWith('.generator.js')).sort();
  const files = [];
  for (const name of generators) {
    const { file, generate } = await import(pathToFileURL(path.join(dist, name)).href);
    files.push({ file, text: await generate() });
  }
  return files;
}

/** Asks drizzle-kit, in a copy of the migrations, whether it would write another one. */
async function tablesAreAhead() {
  const copy = await mkdtemp(path.join(root, 'node_modules', '.migrations-'));
  try {
    await cp(path.join(root, 'migrations'), copy, { recursive: true });
    const before = await readdir(copy);
    const options = ['--dialect=postgresql', '--schema=./src/**/*.table.ts', `--out=${path.relative(root, copy)}`];
    const { code, output } = await tool('drizzle-kit/bin.cjs', ['generate', ...options]);
    if (code !== 0) throw new Error(`drizzle-kit generate failed (${code}).\n${output}`);
    return (await readdir(copy)).length !== before.length;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

if (isEntry(import.meta.url)) {
  await build();
  if (process.argv.includes('--check')) {
    const stale = await staleFiles();
    if (stale.length > 0)
      fail(`stale, run "npm run generate" (migrations: npx drizzle-kit generate): ${stale.join(', ')}`);
  } else {
    for (const { file, text } of await generatedFiles()) await writeFile(path.join(root, file), text);
  }
}
