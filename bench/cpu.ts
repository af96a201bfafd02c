import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds in one tick of `/proc/<pid>/stat`; Linux reports user time in hundredths of a second everywhere. */
const TICK_US = 10_000;
const PPID = 1;
const UTIME = 11;
const STIME = 12;
const CUTIME = 13;
const CSTIME = 14;

/** CPU a process has used, in microseconds, and with `children` that of what it started, living and dead. */
export function cpuUs(pid: number, children = false): number {
  const own = statOf(pid);
  if (own === null) return 0;
  const ticks = at(own, UTIME) + at(own, STIME);
  if (!children) return ticks * TICK_US;
  const living = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat) => stat !== null && at(stat, PPID) === pid)
    .reduce((sum, stat) => sum + at(stat as string[], UTIME) + at(stat as string[], STIME), 0);
  return (ticks + at(own, CUTIME) + at(own, CSTIME) + living) * TICK_US;
}

/** The fields behind the name of the program, which itself may hold blanks. */
function statOf(pid: number): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return null;
  }
}

const at = (fields: string[], index: number): number => Number(fields[index] ?? 0);
