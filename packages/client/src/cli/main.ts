import { homedir } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { EXIT } from './exit-codes.js';
import { run } from './run.js';

const interrupted = new AbortController();
for (const stream of [process.stdout, process.stderr]) {
  // a reader that left (`chancery agent list | head -1`) is no error
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.refused));
}

run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  homeDir: homedir(),
  packageDir: import.meta.dirname,
  now: () => new Date(),
  sleep: (ms) => setTimeout(ms),
  interrupted: interrupted.signal,
  onInterrupt: () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  },
})
  .then((code) => {
    process.exitCode = code;
  })
  .catch(() => {
    process.stderr.write('chancery: the command failed in a way nobody foresaw (internal): please report it\n');
    process.exitCode = EXIT.refused;
  });
