import { type ChildProcess, fork, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));
const START_MS = 60_000;
/** As `npm start` has it. */
const AS_STARTED = ['--max-semi-space-size=32'];

export interface Started<T> {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it said once it was ready. */
  readonly said: T;
}

/** Starts a program of this folder and waits for its one message. */
export function startOurs<T>(name: string, env: Readonly<Record<string, string>>): Promise<Started<T>> {
  const child = fork(path.join(HERE, `${name}.js`), { env: { ...process.env, ...env } });
  return new Promise((resolve, reject) => {
    child.once('message', (said) => resolve({ child, pid: child.pid ?? 0, said: said as T }));
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
}

/** Starts the server as operators do, its log in a file, and waits until it is ready. */
export async function startServer(
  env: Readonly<Record<string, string>>,
  logFile: string,
  nodeArgs: readonly string[] = [],
): Promise<{ child: ChildProcess; pid: number }> {
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [...AS_STARTED, ...nodeArgs, path.join(ROOT, 'dist/main.js')], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', log, log],
  });
  const until = Date.now() + START_MS;
  while (!(await isReady(`http://${env['TENANT_LISTEN']}/health/ready`))) {
    if (child.exitCode !== null || Date.now() > until) throw new Error(`the server did not start; see ${logFile}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { child, pid: child.pid ?? 0 };
}

/** Runs a program of the build to its end and hands back what it printed. */
export function runBuilt(file: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  return new Promise<string>((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(ROOT, 'dist', file), ...args], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`${file} ended with ${code}`))));
  });
}

export function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.connected) child.disconnect();
  else child.kill('SIGTERM');
  return ended;
}

async function isReady(url: string): Promise<boolean> {
  return fetch(url).then(
    (answer) => answer.ok,
    () => false,
  );
}
