import { writeFileSync } from 'node:fs';

/**
 * Empties core dumps of this process and its children (proc(5), `coredump_filter`): a crash must not write keys to a disk.
 * Linux only; elsewhere, and where /proc is read-only, `ulimit -c 0` in the unit or container does it. True when it took.
 */
export function emptyCoreDumps(): boolean {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
    return true;
  } catch {
    return false;
  }
}
