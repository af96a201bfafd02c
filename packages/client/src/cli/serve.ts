import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { access } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-codes.js';

const CHECKOUT_NAME = 'chancery';
const SIGNAL_EXIT_BASE = 128;

export function serveCommand(program: Command, cli: Cli): void {
  program
    .command('serve')
    .description('start the server of this checkout (configured by its environment)')
    .action(async () => {
      const root = await checkoutRoot(cli.io.packageDir);
      const main = join(root, 'dist', 'main.js');
      await access(main).catch(() => {
        throw new CliError('not_built', 'the server of this checkout is not built', `npm run build, in ${root}`);
      });
      cli.exitCode = await runChild(main, root);
    });
}

async function checkoutRoot(start: string): Promise<string> {
  for (let dir = start; ; dir = dirname(dir)) {
    const text = await readFile(join(dir, 'package.json'), 'utf8').catch(() => '{}');
    if ((JSON.parse(text) as { name?: string }).name === CHECKOUT_NAME) return dir;
    if (dir === dirname(dir)) {
      throw new CliError(
        'no_checkout',
        'this command is not part of a checkout of Chancery',
        'clone it and run npm ci',
      );
    }
  }
}

/** The server as a child with this terminal; it drains on the signals sent to us, and its exit code is ours. */
async function runChild(main: string, root: string): Promise<number> {
  const child = spawn(process.execPath, [main], { stdio: 'inherit', cwd: root });
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve) => {
      child.once('error', () => resolve(EXIT.refused));
      child.once('exit', (code, signal) =>
        resolve(code ?? SIGNAL_EXIT_BASE + (signal ? constants.signals[signal] : 0)),
      );
    });
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}
