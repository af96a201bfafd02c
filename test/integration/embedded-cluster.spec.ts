import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { EmbeddedCluster } from '../../src/platform/database/embedded-cluster.js';
import { freshCluster } from '../support/fresh-cluster.js';
import { ownPort } from '../support/own-ports.js';

jest.setTimeout(120_000);

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function newDir(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-cluster-'));
  chmodSync(dir, 0o711);
  opened.push(() => EmbeddedCluster.remove(dir));
  return dir;
}

/** Of a cluster that was made, and never started. */
async function freshDir(): Promise<string> {
  const dir = newDir();
  await freshCluster(dir);
  return dir;
}

async function start(options: Parameters<typeof EmbeddedCluster.start>[0]): Promise<EmbeddedCluster> {
  const cluster = await EmbeddedCluster.start(options);
  opened.push(() => cluster.stop());
  return cluster;
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return Object.values((await client.query({ text: sql, rowMode: 'array' })).rows.flat());
  } finally {
    await client.end();
  }
}

test('a first start makes a cluster that loses nothing and lets nobody in without a password', async () => {
  const dir = newDir();
  const cluster = await start({ dir });
  expect(cluster.adminUrl).toMatch(/^postgres:\/\/postgres:[\w-]{32}@127\.0\.0\.1:\d+\/postgres$/);
  expect(
    await ask(
      cluster.adminUrl,
      `select current_setting(name) from unnest(array['fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums',
         'password_encryption', 'listen_addresses', 'unix_socket_directories', 'server_encoding']) as name`,
    ),
  ).toEqual(['on', 'on', 'on', 'on', 'scram-sha-256', '127.0.0.1', '', 'UTF8']);
  expect(await ask(cluster.adminUrl, 'select distinct auth_method from pg_hba_file_rules')).toEqual(['scram-sha-256']);
  expect(statSync(path.join(dir, 'superuser-password')).mode & 0o777).toBe(0o600);
  const wrong = cluster.adminUrl.replace(/:[^:@]+@/, ':wrong@');
  await expect(ask(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' });
});

test('a stop may be repeated, and the next start has the same data under the same password', async () => {
  const dir = await freshDir();
  const first = await start({ dir, port: await ownPort() });
  await ask(first.adminUrl, 'create table kept as select 42 as answer');
  await Promise.all([first.stop(), first.stop()]);
  await first.stop();
  await expect(ask(first.adminUrl, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });

  const second = await start({ dir, port: first.port });
  expect(second.adminUrl).toBe(first.adminUrl);
  expect(await ask(second.adminUrl, 'select answer from kept')).toEqual([42]);
});

test('a stop ends connections that are open, and does not wait for them', async () => {
  const cluster = await start({ dir: await freshDir() });
  const client = new pg.Client({ connectionString: cluster.adminUrl });
  const lost = new Promise((resolve) => client.on('error', resolve));
  await client.connect();
  await cluster.stop();
  await expect(lost).resolves.toBeInstanceOf(Error);
});

test('a server whose Node was killed is ended by the next start, without loss', async () => {
  const dir = await freshDir();
  const owner = await startElsewhere(dir);
  await ask(owner.url, 'create table kept as select 42 as answer');
  const orphan = Number(readFileSync(pidFile(dir), 'utf8').split('\n')[0]);
  await kill(owner.process);
  expect(isAlive(orphan)).toBe(true);

  const log: string[] = [];
  const cluster = await start({ dir, log: (line) => log.push(line) });
  expect(isAlive(orphan)).toBe(false);
  expect(log.join('\n')).toContain('left behind');
  expect(await ask(cluster.adminUrl, 'select answer from kept')).toEqual([42]);
});

test('a server that another living process uses is left alone', async () => {
  const dir = await freshDir();
  const owner = await startElsewhere(dir);
  await expect(EmbeddedCluster.start({ dir })).rejects.toThrow(`in use by process ${owner.process.pid}`);
  await expect(EmbeddedCluster.remove(dir)).rejects.toThrow('in use');
  expect(await ask(owner.url, 'select 1')).toEqual([1]);
});

test('a pid file that names a process which is something else is removed', async () => {
  const dir = await freshDir();
  await (await start({ dir })).stop();
  writeFileSync(pidFile(dir), `${process.pid}\n${dataDir(dir)}\n`);
  const cluster = await start({ dir });
  expect(await ask(cluster.adminUrl, 'select 1')).toEqual([1]);
});

test('a port that is taken is an error that says so, and leaves no server', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  opened.push(() => new Promise((resolve) => holder.close(resolve)));
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  const dir = await freshDir();
  await expect(start({ dir, port })).rejects.toThrow('could not bind');
  expect(existsSync(pidFile(dir))).toBe(false);
});

function dataDir(dir: string): string {
  const pointer = path.join(dir, 'location');
  return path.join(existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : dir, 'data');
}

const pidFile = (dir: string) => path.join(dataDir(dir), 'postmaster.pid');

async function startElsewhere(dir: string): Promise<{ process: ChildProcess; url: string }> {
  const program = path.resolve('test/support/own-a-cluster.mjs');
  const child = spawn(process.execPath, [program, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  opened.push(() => kill(child));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', (code) => reject(new Error(`the owner ended with ${code}`)));
  });
  return { process: child, url };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
