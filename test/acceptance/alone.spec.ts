import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { ROOT } from './support/program.js';

const MODULE = path.join(ROOT, 'infra/local/alone.mjs');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'alone-'));
});
const children: ChildProcessByStdio<Writable, Readable, null>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Says the ports it listens on, and then whatever `act` says, alone in the folder. */
function start(act: string): {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly lines: Interface;
} {
  const code = `
    import { Server } from 'node:net';
    import { once } from 'node:events';
    import { alone } from ${JSON.stringify(MODULE)};
    const { listen } = Server.prototype;
    Server.prototype.listen = function (port, ...more) {
      console.log('port ' + port);
      return listen.call(this, port, ...more);
    };
    await alone(async () => { ${act} }, ${JSON.stringify(folder)});
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return { child, lines: createInterface(child.stdout) };
}

async function linesOf(act: string): Promise<string[]> {
  const { child, lines } = start(act);
  const said: string[] = [];
  lines.on('line', (line) => said.push(line));
  await once(child, 'close');
  return said;
}

/** In the middle of what it does alone, until its input ends. */
async function holder(): Promise<ChildProcessByStdio<Writable, Readable, null>> {
  const { child, lines } = start(`console.log('in'); process.stdin.resume(); await once(process.stdin, 'end');`);
  for await (const line of lines) if (line === 'in') return child;
  throw new Error('it ended');
}

test('several that come at once go one after the other', async () => {
  const at = 'process.hrtime.bigint()';
  const act = `const from = ${at}; await new Promise((go) => setTimeout(go, 100)); console.log(from + ' ' + ${at});`;
  const said = await Promise.all(Array.from({ length: 6 }, () => linesOf(act)));
  const spans = said.map((lines) => (lines.at(-1) ?? '').split(' ').map(BigInt));
  spans.sort(([a = 0n], [b = 0n]) => (a < b ? -1 : 1));
  expect(spans).toHaveLength(6);
  for (const [i, [, to = 0n]] of spans.slice(0, -1).entries()) expect(spans[i + 1]?.[0]).toBeGreaterThan(to);
});

test.each(['ends', 'is killed'])('who waits says so, and goes on when the other one %s', async (how) => {
  const first = await holder();
  const { child, lines } = start(`console.log('in')`);
  const next = lines[Symbol.asyncIterator]();
  expect((await next.next()).value).toMatch(/^port \d+$/);
  expect((await next.next()).value).toMatch(/^Another command installs or builds in this folder; /);
  if (how === 'ends') first.stdin.end();
  else first.kill('SIGKILL');
  expect((await next.next()).value).toMatch(/^port \d+$/);
  expect((await next.next()).value).toBe('in');
  await once(child, 'close');
});

test.each<[string, (socket: Socket) => unknown]>([
  ['speaks of something else', (socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')],
  ['hangs up', (socket) => socket.destroy()],
])('another program that has the port and %s is passed by', async (_, speak) => {
  const port = Number(/\d+/.exec((await linesOf(''))[0] ?? ''));
  const stranger: Server = createServer((socket) => speak(socket.on('error', () => undefined)));
  await once(stranger.listen(port, '127.0.0.1'), 'listening');
  try {
    const said = await linesOf(`console.log('in')`);
    expect(new Set(said)).toEqual(new Set([`port ${port}`, said.at(-2), 'in']));
    expect(said.at(-2)).not.toBe(`port ${port}`);
  } finally {
    stranger.close();
  }
});
