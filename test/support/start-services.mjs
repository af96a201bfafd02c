// Jest's globalSetup: a current build, one PostgreSQL, and one Redis where there is one, for every spec of the run.
// Jest loads this file with Node's own loader, so it takes the cluster from the build.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../../infra/local/build.mjs';
import { findServices } from '../../infra/local/services.mjs';

const REDIS_START_MS = 10_000;
const running = [];

export default async function startServices() {
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
  process.env.CHANCERY_TEST_ADMIN_URL ??= await startPostgres(path.join(dir, 'postgres'));
  const redis = process.env.CHANCERY_TEST_REDIS_SERVER;
  if (redis) process.env.CHANCERY_TEST_REDIS_URL ??= await startRedis(redis, dir);
}

/** The globalTeardown. */
export async function stopServices() {
  for (const stop of running.splice(0).reverse()) await stop();
}

async function startPostgres(dir) {
  const { EmbeddedCluster } = await import('../../dist/platform/database/embedded-cluster.js');
  const cluster = await EmbeddedCluster.start({ dir, flags: ['-c', 'max_connections=400'] });
  running.push(async () => {
    await cluster.stop();
    await EmbeddedCluster.remove(dir);
  });
  return cluster.adminUrl;
}

async function startRedis(program, dir) {
  const { freePort } = await import('../../dist/platform/database/embedded/launch.js');
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--maxmemory-policy', 'noeviction'];
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
