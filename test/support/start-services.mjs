// Jest's globalSetup: a current build, one PostgreSQL, and with CHANCERY_TEST_QUEUE=redis one Redis, for every spec of the run.
// Jest loads this file with Node's own loader, so it takes the cluster from the build.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../../infra/local/build.mjs';
import { findServices } from '../../infra/local/services.mjs';
import startRun, { endRun } from './start-run.mjs';

const REDIS_START_MS = 60_000;
const running = [];

export default async function startServices() {
  startRun();
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-test-'));
  running.push(() => rmSync(dir, { recursive: true, force: true }));
  process.env.CHANCERY_TEST_DIR = dir;
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      void stopServices().finally(() => process.exit(1));
    });
  }
  for (const { variable, path: found } of findServices()) if (found) process.env[variable] = found;
  await build();
  running.push(() => removeCluster(path.join(dir, 'fresh-cluster'))); // which the first makes that needs one
  process.env.CHANCERY_TEST_ADMIN_URL ??= await startPostgres(path.join(dir, 'postgres'));
  if (process.env.CHANCERY_TEST_QUEUE === 'redis') process.env.REDIS_URL ??= await startRedis(dir);
}

/** The globalTeardown, also of a run that started none. */
export async function stopServices() {
  for (const stop of running.splice(0).reverse()) await stop();
  endRun();
}

async function startPostgres(dir) {
  const { EmbeddedCluster } = await import('../../dist/platform/database/embedded-cluster.js');
  const cluster = await EmbeddedCluster.start({ dir, flags: ['-c', 'max_connections=400'] });
  running.push(async () => {
    await cluster.stop();
    await removeCluster(dir);
  });
  return cluster.adminUrl;
}

async function removeCluster(dir) {
  const { EmbeddedCluster } = await import('../../dist/platform/database/embedded-cluster.js');
  await EmbeddedCluster.remove(dir);
}

async function startRedis(dir) {
  const program = process.env.CHANCERY_TEST_REDIS_SERVER;
  if (!program) throw new Error('CHANCERY_TEST_QUEUE=redis needs a redis-server (apt-get install redis-server)');
  const { freePort } = await import('../../dist/platform/database/embedded/launch.js');
  const port = await freePort();
  const options = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--maxmemory-policy',
    'noeviction',
    '--databases',
    '512',
  ];
  const server = spawn(program, [...options, '--dir', dir], { stdio: 'ignore' });
  const gone = new Promise((resolve) => server.once('exit', resolve).once('error', resolve));
  running.push(() => {
    server.kill('SIGTERM');
    return gone;
  });
  for (const end = Date.now() + REDIS_START_MS; Date.now() < end; await sleep(50)) {
    if (await accepts(port)) return `redis://127.0.0.1:${port}`;
  }
  throw new Error(`${program} did not start`);
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });
}
