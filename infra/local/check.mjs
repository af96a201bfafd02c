// `npm run check`: everything that can be said about the code without running it. Each check counts as one test.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { build } from './build.mjs';
import { fail, isEntry, root, seconds, tool } from './program.mjs';

const AT_ONCE = 2;
/** Beside the tests they take what those leave, one after the other, and are still done long before them. */
const BESIDE_TESTS = { atOnce: 1, nice: 10, timeoutMs: 3_600_000 };
const VAGUE_NAMES = /(^|\/)(index|utils?|helpers?|common|manager|misc)(\/|\.[cm]?[jt]sx?$)/;

const program =
  (file, ...args) =>
  (options) =>
    tool(file, args, options);

/** What a check remembers of files that did not change since; gone with `node_modules`. */
const REMEMBERED = 'node_modules/.cache/chancery';

const CHECKS = [
  {
    name: 'types',
    run: program(
      'typescript7/bin/tsc',
      '-p',
      'tsconfig.json',
      '--incremental',
      '--tsBuildInfoFile',
      `${REMEMBERED}/types.tsbuildinfo`,
    ),
  },
  { name: 'protocol is pure', run: program('typescript7/bin/tsc', '-p', 'packages/protocol') },
  { name: 'lint', run: program('oxlint/bin/oxlint', '--deny-warnings') },
  {
    name: 'directions',
    run: program('dependency-cruiser/bin/dependency-cruise.mjs', 'src', 'packages', 'test', 'infra'),
  },
  { name: 'dead code', run: program('knip/bin/knip.js', '--no-progress') },
  { name: 'dead code in production', run: program('knip/bin/knip.js', '--no-progress', '--production') },
  {
    name: 'formatting',
    run: program(
      'prettier/bin/prettier.cjs',
      '--check',
      '--log-level=warn',
      '--cache',
      '--cache-strategy=content',
      `--cache-location=${REMEMBERED}/formatting`,
      '.',
    ),
  },
  { name: 'names', run: vagueNames },
  { name: 'generated files', run: program('../infra/local/generate.mjs', '--check') },
];

/** Runs them all, also when one fails, and prints what a failing one said. */
export async function check({ besideTests = false } = {}) {
  const { atOnce = AT_ONCE, ...options } = besideTests ? BESIDE_TESTS : {};
  const waiting = [...CHECKS];
  const count = { passed: 0, failed: 0 };
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const started = Date.now();
      const { code, output } = await next.run(options);
      count[code === 0 ? 'passed' : 'failed']++;
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${next.name} (${seconds(started)})`);
      if (code !== 0) console.log(output.trimEnd());
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count;
}

/** A name that says nothing gathers everything. */
async function vagueNames() {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const vague = files.split('\n').filter((file) => VAGUE_NAMES.test(file));
  return { code: vague.length, output: vague.map((file) => path.join(root, file)).join('\n') };
}

if (isEntry(import.meta.url)) {
  await build();
  const { passed, failed } = await check();
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) fail('');
}
