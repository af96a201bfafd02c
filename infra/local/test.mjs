// `npm test [-- jest arguments]`: installs and builds what is missing, checks, tests, and counts.
// `npm test -- attacks`: the attack tests alone, and the table of what they saw; with --write, docs/attacks.md made from it.
// The last line stands alone: `N passed, N failed`, and `, N skipped` behind it when there are.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attackCount, attackFaults, attackTable, documentAgrees, isWhole, readAttacks } from './attacks.mjs';
import { build } from './build.mjs';
import { install, requireNode } from './install.mjs';
import { seconds, tool } from './program.mjs';
import { findServices } from './services.mjs';

const WORKERS = 2;
/** What is new is looked through for what is still needed each time there is this much of it: the less often, the better. */
const NEW_OBJECTS_MB = 64;
/** A run that hangs must end, and count as failed; one on a slow machine must not. */
const JEST_MS = process.env.CHANCERY_TEST_LONG === '1' ? 10_800_000 : 3_600_000;

/** Selections that have a name; everything else is Jest's. */
const NAMED = { attacks: ['test/attacks', '--selectProjects', 'attacks'] };

async function test(asked) {
  const write = asked.includes('--write');
  const args = asked.filter((arg) => arg !== '--write').flatMap((arg) => NAMED[arg] ?? [arg]);
  const isAttacks = asked.includes('attacks');
  requireNode();
  await install({ show: false });
  await build();
  const tested = runJest(args, { showTable: isAttacks, write });
  const counts = await (args.length === 0 ? wholeRun(tested) : tested);
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((kind) =>
    sum(counts.map((count) => count[kind] ?? 0)),
  );
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed === 0 && passed > 0;
}

/** The tests wait for much, and the static checks for nothing: they have the processor meanwhile. */
async function wholeRun(tested) {
  const services = countServices();
  const { check } = await import('./check.mjs');
  const ended = await Promise.allSettled([tested, check({ besideTests: true })]);
  const broken = ended.find(({ status }) => status === 'rejected');
  if (broken) throw broken.reason;
  return [services, ...ended.flatMap(({ value }) => value)];
}

/** A missing program counts, so that a run without it never looks like one with it. */
function countServices() {
  const missing = findServices().filter((service) => !service.path);
  for (const { name, package: debian } of missing) {
    console.log(`MISSING ${name}: the tests that need it do not run (apt-get install ${debian})`);
  }
  return process.env.REQUIRE_SERVICES === '1' ? { failed: missing.length } : { skipped: missing.length };
}

async function runJest(args, table) {
  const started = Date.now();
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-jest-'));
  const report = path.join(dir, 'report.json');
  const attacks = path.join(dir, 'attacks');
  mkdirSync(attacks);
  process.env.CHANCERY_ATTACKS_DIR = attacks;
  try {
    const options = ['--ci', `--maxWorkers=${WORKERS}`, '--json', `--outputFile=${report}`];
    const nodeArgs = [`--max-semi-space-size=${NEW_OBJECTS_MB}`]; // of Jest's workers too
    const { code } = await tool('jest/bin/jest.js', [...options, ...args], {
      nodeArgs,
      show: true,
      timeoutMs: JEST_MS,
    });
    return [countTests(report, code), judgeAttacks(readAttacks(attacks), table)];
  } finally {
    rmSync(dir, { recursive: true, force: true });
    console.log(`tests ended after ${seconds(started)}`);
  }
}

/** Only a run of all attacks can say that a row has no test, or that the document is not what was seen. */
function judgeAttacks(attacks, { showTable, write }) {
  if (showTable) console.log(attackTable(attacks));
  if (!showTable && !isWhole(attacks)) return {};
  const faults = attackFaults(attacks);
  if (faults.length === 0 && !documentAgrees(attacks, { write }))
    faults.push('docs/attacks.md is not what was seen: npm test -- attacks --write');
  const rows = attacks.filter(({ reports }) => reports.length > 0).length;
  console.log(
    `\n${faults.length === 0 ? 'ok  ' : 'FAIL'} ${attackCount(attacks)} attacks on ${rows} of ${attacks.length} rows`,
  );
  for (const fault of faults) console.log(`     ${fault}`);
  return faults.length === 0 ? { passed: 1 } : { failed: 1 };
}

function countTests(report, code) {
  let result;
  try {
    result = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    console.log(`Jest left no report (status ${code})`);
    return { failed: 1 };
  }
  if (result.numTotalTests === 0) console.log('no test ran');
  // A file that does not even load holds no failed test, but is one.
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  const unexplained = code !== 0 || result.numTotalTests === 0 ? 1 : 0;
  return {
    passed: result.numPassedTests,
    failed: failed || unexplained,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

try {
  process.exitCode = (await test(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  console.log(`${error.stack ?? error}\n0 passed, 1 failed`);
  process.exitCode = 1;
}
