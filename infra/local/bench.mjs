// `npm run bench -- proxy|audit|rls|tenants|redaction [options]`: installs and builds what is missing, compiles bench/, measures.
// What bench/ imports from src/ is what was built, so that the servers and the measuring code are the same.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from './build.mjs';
import { install, requireNode } from './install.mjs';
import { fail, root, tool } from './program.mjs';

const SOURCES = path.join(root, 'bench');
/** Below bench/, so that relative imports of src/ only gain one step. */
const BUILT = path.join(SOURCES, 'dist');
const BENCH_MS = 3_600_000;

async function compile() {
  const { transform } = await import('@swc/core');
  await rm(BUILT, { recursive: true, force: true });
  await mkdir(BUILT, { recursive: true });
  for (const name of await readdir(SOURCES)) {
    if (!name.endsWith('.ts')) continue;
    const source = await readFile(path.join(SOURCES, name), 'utf8');
    const { code } = await transform(source.replaceAll("'../src/", "'../../dist/"), {
      configFile: path.join(root, '.swcrc'),
      filename: name,
      sourceMaps: 'inline',
    });
    await writeFile(path.join(BUILT, name.replace(/ts$/, 'js')), code);
  }
}

try {
  requireNode();
  await install({ show: false });
  await build();
  await compile();
  const { code } = await tool('../bench/dist/main.js', process.argv.slice(2), { show: true, timeoutMs: BENCH_MS });
  process.exitCode = typeof code === 'number' ? code : 1;
} catch (error) {
  fail(`the bench did not run: ${error.message}`);
}
