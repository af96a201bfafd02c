import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyCoreDumps } from './core-dumps.js';

test('P1: a process that crashes leaves nothing of its memory on the disk', () => {
  if (process.platform !== 'linux') return;
  expect(emptyCoreDumps()).toBe(true);
  expect(parseInt(readFileSync('/proc/self/coredump_filter', 'utf8'), 16)).toBe(0);
  // A child inherits the filter; this one holds a canary, may dump as much as it likes, and aborts.
  const directory = mkdtempSync(join(tmpdir(), 'core-dump-'));
  try {
    const program = 'globalThis.held = Buffer.alloc(64, ["CANARY", "IN", "MEMORY"].join("-")); process.abort()';
    const child = spawnSync('sh', ['-c', 'ulimit -c unlimited; exec "$0" -e "$1"', process.execPath, program], {
      cwd: directory,
    });
    expect(child.status).not.toBe(0);
    for (const name of readdirSync(directory)) {
      expect(readFileSync(join(directory, name)).includes('CANARY-IN-MEMORY')).toBe(false);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
