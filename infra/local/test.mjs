// `npm test [-- jest arguments]`: installs and builds what is missing, checks, tests, and counts.
// The last line stands alone: `N passed, N failed`, and `, N skipped` behind it when there are.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { install, requireNode } from './install.mjs';
import { seconds, tool } from './program.mjs';
import { findServices } from './services.mjs';

const WORKERS = 2;
/** A run that hangs must end, and count as failed. */
const JEST_MS = process.env.CHANCERY_TEST_LONG === '1' ? 10_800_000 : 1_200_000;

async function test(args) {
  requireNode();
  await install({ show: false });
  await build();
  const counts = [];
  if (args.length === 0) {
    const { check } = await import('./check.mjs');
    counts.push(countServices(), await check());
  }
  counts.push(await runJest(args));
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((kind) =>
    sum(counts.map((count) => count[kind] ?? 0)),
  );
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed === 0 && passed > 0;
}

/** A missing program counts, so that a run without it never looks like one with it. */
function countServices() {
  const missing = findServices().filter((service) => !service.path);
  for (const { name, package: debian } of missing) {
    console.log(`MISSING ${name}: the tests that need it do not run (apt-get install ${debian})`);
  }
  return process.env.REQUIRE_SERVICES === '1' ? { failed: missing.length } : { skipped: missing.length };
}

async function runJest(args) {
  const started = Date.now();
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-jest-'));
  const report = path.join(dir, 'report.json');
  try {
    const options = ['--ci', `--maxWorkers=${WORKERS}`, '--json', `--outputFile=${report}`];
    const { code } = await tool('jest/bin/jest.js', [...options, ...args], { show: true, timeoutMs: JEST_MS });
    return countTests(report, code);
  } finally {
    rmSync(dir, { recursive: true, force: true });
    console.log(`tests ended after ${seconds(started)}`);
  }
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
