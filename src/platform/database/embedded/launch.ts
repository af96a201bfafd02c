import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries.js';
import { type ClusterHome, serverEnvironment, writeOwner } from './home.js';
import { readPidFile } from './postmaster.js';
import type { ServerUser } from './server-user.js';

/** Recovery after a crash is part of a start, and may take its time. */
const START_MS = 120_000;
const POLL_MS = 20;
const LAST_LINES = 20;
const LAST_WORDS_MS = 5_000;

/** fsync and synchronous_commit keep their safe defaults: an audit log that forgets is none. */
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'shared_buffers=64MB',
  'log_min_error_statement=panic', // a statement that failed may hold a password
];

export type Launch = {
  home: ClusterHome;
  binaries: Binaries;
  user: ServerUser | undefined;
  port: number;
  flags: string[];
  log: (line: string) => void;
};

/** Starts the server and waits until it takes connections. */
export async function launch({ home, binaries, user, port, flags, log }: Launch): Promise<ChildProcess> {
  writeOwner(home);
  const settings = SETTINGS.flatMap((setting) => ['-c', setting]);
  const server = spawn(binaries.postgres, ['-D', home.dataDir, '-p', String(port), ...settings, ...flags], {
    ...(user && { uid: user.uid, gid: user.gid }),
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // Ctrl-C in a terminal must reach us only: we drain first
  });
  const lines: string[] = [];
  const reader = createInterface({ input: server.stderr }).on('line', (line) => {
    log(line);
    lines.push(line);
    if (lines.length > LAST_LINES) lines.shift();
  });
  const allSaid = new Promise((resolve) => reader.once('close', resolve));
  let failure: Error | undefined;
  server.once('error', (error) => (failure = error));
  const quit = () => server.kill('SIGQUIT');
  process.once('exit', quit); // from here to the return nobody else knows that it runs

  try {
    for (const end = Date.now() + START_MS; Date.now() < end; await sleep(POLL_MS)) {
      if (failure) throw failure;
      if (server.exitCode !== null || server.signalCode !== null) break;
      const file = readPidFile(home.dataDir);
      if (file?.pid === server.pid && file?.ready) return server;
    }
  } finally {
    process.off('exit', quit);
  }
  server.kill('SIGQUIT');
  // What it said last, such as that its port is taken, may be read after its end is known.
  await Promise.race([allSaid, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
  throw new Error(`PostgreSQL did not start:\n${lines.join('\n')}`);
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => probe.once('listening', resolve).once('error', reject));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
