import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { alone } from './alone.mjs';
import { fail, root, run } from './program.mjs';

const NODE_LEAST = [20, 19];
const INSTALL_MS = 1_200_000;
/** Registries fail now and then. */
const ATTEMPTS = 3;

export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1])) return;
  fail(
    `Chancery needs Node ${NODE_LEAST.join('.')} or newer; this is ${process.version}. See https://nodejs.org/en/download`,
  );
}

/** Compares what the lock asks for with what npm says it installed: times say nothing after a `git clone`. */
export function isInstalled() {
  const installedFile = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted).every(([place, entry]) => {
    if (!place.includes('node_modules/')) return true; // the root and the workspaces themselves
    const found = installed[place];
    return found ? found.version === entry.version : entry.optional || entry.devOptional || entry.peer;
  });
}

/** Installs what the lock names, when it is not there. */
export async function install({ show }) {
  if (isInstalled()) return;
  await alone(async () => {
    if (!isInstalled()) await npmCi(show);
  });
}

async function npmCi(show) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const options = ['--no-audit', '--no-fund', '--loglevel=error'];
  // Where somebody looks on, they decide whether to try again.
  for (let left = show ? 1 : ATTEMPTS; ; left -= 1) {
    const { code, output } = await run(npm, ['ci', ...options], { show, timeoutMs: INSTALL_MS });
    if (code === 0) return;
    if (left === 1) throw new Error(`npm ci failed (${code}).\n${output}`);
  }
}
