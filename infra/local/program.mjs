import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { setPriority } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const TIMEOUT_MS = 300_000;

/**
 * Runs a program to its end and hands back what it said; `show` lets it speak to the terminal instead. A `nice` one, from 1
 * to 19, has the processor when others leave it.
 */
export async function run(command, args, { show = false, timeoutMs = TIMEOUT_MS, nice } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  if (nice !== undefined && child.pid !== undefined) makeNice(child.pid, nice);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? signal));
  });
  return { code, output };
}

/** Where that is not to be had, or it has ended already, it runs as it is. */
function makeNice(pid, nice) {
  try {
    setPriority(pid, nice);
  } catch {
    return;
  }
}

/** A program of an npm package, run by this very Node: no shell, no npx that might download. */
export function tool(file, args, { nodeArgs = [], ...options } = {}) {
  return run(process.execPath, [...nodeArgs, path.join(root, 'node_modules', file), ...args], options);
}

export function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/** Whether Node was started with this very file, and did not only import it. */
export function isEntry(moduleUrl) {
  const [, started = ''] = process.argv;
  return existsSync(started) && realpathSync(started) === fileURLToPath(moduleUrl);
}

/** Ends with the message and status 1, without a stack trace: what went wrong is told already. */
export function fail(message) {
  console.error(message);
  process.exit(1);
}
