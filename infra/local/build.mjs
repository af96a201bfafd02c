// `npm run build`: packages/*/dist and dist/, as ES modules for Node; of the programs in dist/, bundles. Does nothing when
// nothing changed.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { alone } from './alone.mjs';
import { fail, isEntry, root, seconds, tool } from './program.mjs';

const PACKAGES = ['packages/protocol', 'packages/client'];
const SETTINGS = [
  '.swcrc',
  'nest-cli.json',
  'tsconfig.json',
  'package-lock.json',
  'infra/local/build.mjs',
  'infra/local/bundle.mjs',
];
const STAMP = '.build-stamp';

export async function build() {
  if ((await staleParts()).length > 0) await alone(buildStale);
}

async function buildStale() {
  const started = Date.now();
  const parts = await staleParts(); // somebody else may have built them meanwhile
  for (const { dir, now } of parts) {
    const [src, out] = ['src', 'dist'].map((name) => path.join(root, dir, name));
    await replace(out, async (unfinished) => {
      await (dir === '.' ? buildServer : buildPackage)(src, unfinished);
      await writeFile(path.join(unfinished, STAMP), now);
    });
  }
  const names = parts.map(({ dir }) => (dir === '.' ? 'server' : dir));
  if (names.length > 0) console.log(`built ${names.join(', ')} in ${seconds(started)}`);
}

/** What was not built from what is there now, in the order to build it. */
async function staleParts() {
  const parts = [];
  for (const dir of [...PACKAGES, '.']) {
    const stamp = path.join(root, dir, 'dist', STAMP);
    const now = await fingerprint(dir === '.' ? [dir, ...PACKAGES] : [dir]);
    if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== now) parts.push({ dir, now });
  }
  return parts;
}

/** The server's bundles hold the packages too. */
async function fingerprint(dirs) {
  const hash = createHash('sha256');
  const sources = await Promise.all(dirs.map((dir) => sourcesIn(path.join(root, dir, 'src'))));
  for (const file of [...SETTINGS.map((name) => path.join(root, name)), ...sources.flat()]) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

async function sourcesIn(src) {
  const entries = await readdir(src, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
  return files.filter((file) => !file.endsWith('.spec.ts')).sort();
}

/** Beside, then renamed: whoever runs the old build meanwhile never meets half of the new one. */
async function replace(out, make) {
  const unfinished = `${out}.${process.pid}`;
  try {
    await make(unfinished);
    await rm(out, { recursive: true, force: true });
    await rename(unfinished, out);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function buildPackage(src, out) {
  const { transformFile } = await import('@swc/core');
  for (const file of await sourcesIn(src)) {
    const target = path.join(out, path.relative(src, file));
    await mkdir(path.dirname(target), { recursive: true });
    if (!file.endsWith('.ts')) {
      await copyFile(file, target);
      continue;
    }
    const emitted = target.replace(/ts$/, 'js');
    const { code, map } = await transformFile(file, { configFile: path.join(root, '.swcrc') });
    await writeFile(emitted, `${code}//# sourceMappingURL=${path.basename(emitted)}.map\n`);
    await writeFile(`${emitted}.map`, map ?? '');
  }
}

async function buildServer(src, out) {
  const settings = `${out}.json`;
  const compilerOptions = { outDir: out, noEmit: false };
  await writeFile(settings, JSON.stringify({ extends: './tsconfig.json', compilerOptions, include: ['src/**/*.ts'] }));
  try {
    const { code, output } = await tool('@nestjs/cli/bin/nest.js', ['build', '-p', path.basename(settings)]);
    if (code !== 0) throw new Error(output);
  } finally {
    await rm(settings, { force: true });
  }
  const { bundle } = await import('./bundle.mjs');
  await bundle(out);
}

if (isEntry(import.meta.url)) {
  await build().catch((error) => fail(`the build failed: ${error.message}`));
}
