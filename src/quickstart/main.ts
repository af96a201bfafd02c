import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { EndSignals } from '../end-signals.js';
import { emptyCoreDumps } from '../platform/crypto/core-dumps.js';
import { shareNoBuffers } from '../platform/crypto/own-memory.js';
import { PACKAGE_ROOT } from '../platform/package-root.js';
import { CLAIM, claim } from './claim.js';
import { readOptions, USAGE } from './options.js';

const EX_USAGE = 64;

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const signals = new EndSignals();
  const dir = path.resolve(options.dir ?? PACKAGE_ROOT);
  const folder = path.join(dir, '.chancery');
  makeFolder(folder);
  process.once('exit', claim(path.join(folder, CLAIM)));
  // The whole application: whoever is turned away does not wait for it.
  const { run } = await import('./run.js');
  return await run(dir, options, signals);
}

/** Step by step: Node's own `recursive` never returns where a file system takes no folders, such as below /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return; // another start was faster
    throw new Error(`${folder} cannot be made (${code}); choose another folder with --dir`, { cause: error });
  }
}

let exitCode: number;
try {
  emptyCoreDumps();
  shareNoBuffers();
  exitCode = await main(process.argv.slice(2));
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
  process.stderr.write(`quickstart: ${(error as Error).message}\n${usage ? `${USAGE}\n` : ''}`);
  exitCode = usage ? EX_USAGE : 1;
}
// What a failure left open must not keep the process; a database it started ends with it.
process.exit(exitCode);
