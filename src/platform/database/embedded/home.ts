import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type Binaries, SHARED_DIR } from './binaries.js';
import { type ServerUser, mayTraverse } from './server-user.js';

/** Where a cluster keeps what: the data may lie elsewhere, the rest is always in the folder that was asked for. */
export type ClusterHome = { dataDir: string; passwordFile: string; ownerFile: string };

/** The builtin locale sorts the same on every machine and needs none installed. */
const INITDB_FLAGS = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--data-checksums',
];

/** A pointer file leads to the data when the server's user cannot enter the folder that was asked for. */
export function clusterHome(dir: string, user: ServerUser | undefined, log: (line: string) => void): ClusterHome {
  const asked = path.resolve(dir);
  mkdirSync(asked, { recursive: true, mode: user ? 0o711 : 0o700 });
  return {
    dataDir: path.join(dataParent(asked, user, log), 'data'),
    passwordFile: path.join(asked, 'superuser-password'),
    ownerFile: path.join(asked, 'owner'),
  };
}

function dataParent(asked: string, user: ServerUser | undefined, log: (line: string) => void): string {
  const pointer = path.join(asked, 'location');
  if (existsSync(pointer)) {
    const elsewhere = readFileSync(pointer, 'utf8').trim();
    if (existsSync(elsewhere)) return elsewhere;
    log(`the data in ${elsewhere} is gone; starting with an empty cluster`);
  } else if (!user || mayTraverse(user, asked)) {
    return asked;
  }
  if (!user) throw new Error(`${asked} was used by root; use another folder, or start as root`);
  mkdirSync(SHARED_DIR, { recursive: true, mode: 0o711 });
  const elsewhere = mkdtempSync(path.join(SHARED_DIR, 'cluster-'));
  chmodSync(elsewhere, 0o711);
  writeFileSync(pointer, `${elsewhere}\n`);
  log(`the user ${user.name} cannot enter ${asked}: the data is kept in ${elsewhere}`);
  return elsewhere;
}

/** The process that started the server last; 0 when none ever did. */
export function readOwner(home: ClusterHome): number {
  return existsSync(home.ownerFile) ? Number(readFileSync(home.ownerFile, 'utf8')) : 0;
}

export function writeOwner(home: ClusterHome): void {
  writeFileSync(home.ownerFile, `${process.pid}\n`);
}

/** Runs initdb at the first start; returns the superuser's password. */
export async function ensureData(home: ClusterHome, binaries: Binaries, user: ServerUser | undefined): Promise<string> {
  if (existsSync(home.dataDir)) {
    if (existsSync(home.passwordFile)) return readFileSync(home.passwordFile, 'utf8').trim();
    throw new Error(`${home.dataDir} holds a database, but its password file ${home.passwordFile} is missing`);
  }
  const password = randomBytes(24).toString('base64url');
  writeFileSync(home.passwordFile, `${password}\n`, { mode: 0o600 });

  // A folder that initdb did not finish must never be taken for a cluster: it gets its name at the end.
  const unfinished = mkdtempSync(`${home.dataDir}.`);
  try {
    if (user) chownSync(unfinished, user.uid, user.gid);
    await runInitdb(binaries.initdb, unfinished, password, user);
    renameSync(unfinished, home.dataDir);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return password;
}

async function runInitdb(initdb: string, dataDir: string, password: string, user?: ServerUser): Promise<void> {
  const passwordFile = `${dataDir}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (user) chownSync(passwordFile, user.uid, user.gid);
  try {
    const child = spawn(initdb, [`--pgdata=${dataDir}`, `--pwfile=${passwordFile}`, ...INITDB_FLAGS], {
      ...(user && { uid: user.uid, gid: user.gid }),
      cwd: '/',
      env: serverEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true, // a group of its own, so that the servers it starts end with it
    });
    const quit = () => {
      quietly(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'));
      quietly(() => rmSync(passwordFile, { force: true }));
      quietly(() => rmSync(dataDir, { recursive: true, force: true }));
    };
    process.once('exit', quit);
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once('error', reject).once('close', resolve),
    ).finally(() => process.off('exit', quit));
    if (code !== 0) throw new Error(`initdb failed (${code}):\n${output.trim()}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** At the end of the process: a group that has ended by itself, or a file that one of it still wrote, is no failure. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // What is left never became a cluster.
  }
}

/** The server gets nothing of our environment, which may hold secrets. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}
