// Jest's globalSetup where no service is needed: a temporary folder of this run's own, under which every file has its own.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Servers that were told to end need a moment. */
const END_MS = 10_000;
const LOOK_EVERY_MS = 100;
/** A socket's path has 107 bytes, and specs make theirs some folders below. */
const TEMP_CHARS_MAX = 32;
const PS_BYTES_MAX = 64 * 1_048_576;

export default function startRun() {
  if (process.env.CHANCERY_TEST_TEMP !== undefined) return;
  const asked = tmpdir();
  const isShort = asked.length <= TEMP_CHARS_MAX || !existsSync('/tmp');
  const dir = mkdtempSync(path.join(isShort ? asked : '/tmp', 'chancery-run-'));
  chmodSync(dir, 0o711);
  process.env.CHANCERY_TEST_TEMP = dir;
  process.env.TMPDIR = dir; // also of the programs that specs start
  process.once('exit', endRun); // a run that does not even begin has no teardown
}

/** A run that leaves something behind has failed: what it left is said, and goes. */
export function endRun() {
  const dir = process.env.CHANCERY_TEST_TEMP;
  if (dir === undefined) return;
  delete process.env.CHANCERY_TEST_TEMP;
  delete process.env.TMPDIR;
  const end = Date.now() + END_MS;
  while (processesIn(dir).length > 0 && Date.now() < end) pause(LOOK_EVERY_MS);
  const left = [...readdirSync(dir), ...processesIn(dir)];
  rmSync(dir, { recursive: true, force: true });
  if (left.length === 0) return;
  process.stderr.write(`FAILED: this run left behind in ${dir}:\n${left.map((one) => `  ${one}\n`).join('')}`);
  process.exitCode = 1;
}

/** Servers name their folder when they are started. */
function processesIn(dir) {
  const listed = execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8', maxBuffer: PS_BYTES_MAX });
  return listed.split('\n').filter((line) => line.includes(dir));
}

/** Also at the exit of a process, where no promise is kept any more. */
function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
