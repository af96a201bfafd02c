import { execFileSync, spawnSync } from 'node:child_process';

/** The account PostgreSQL runs under when Node runs as root, which PostgreSQL refuses to be. */
export type ServerUser = { name: string; uid: number; gid: number };

const OWN_USER = 'chancery-postgres';

/** Undefined when Node is not root: then the server runs as whoever started it. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const user = lookUp(OWN_USER) ?? create(OWN_USER) ?? lookUp('postgres');
  if (!user) {
    throw new Error(
      `PostgreSQL does not run as root, and no user for it could be made here. ` +
        `Run "useradd --system ${OWN_USER}" first, or start as another user.`,
    );
  }
  return user;
}

/** Asked of the kernel, because modes, groups and access lists together decide. */
export function mayTraverse(user: ServerUser, dir: string): boolean {
  const probe = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', dir], {
    uid: user.uid,
    gid: user.gid,
    cwd: '/',
    stdio: 'ignore',
  });
  return probe.status === 0;
}

/** Of two that make it at once one fails, and finds it. */
function create(name: string): ServerUser | undefined {
  spawnSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name]);
  return lookUp(name);
}

function lookUp(name: string): ServerUser | undefined {
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { name, uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}
