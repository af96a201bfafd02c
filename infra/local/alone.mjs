// What only one process may do to a checkout at a time, such as installing and building.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './program.mjs';

/** Ports of loopback to meet at, where neither kernels nor our own servers choose theirs. */
const [FIRST, COUNT] = [10_000, 2_000];
/** A process that is busy answers late; another program that listens there says something else, or nothing. */
const GREETS_WITHIN_MS = 10_000;
const SILENCES_MAX = 20;

/**
 * Does it while nobody else does anything alone in this folder, and waits for them first. A port is the lock, since the
 * system gives it back however its process ends.
 */
export async function alone(action, folder = root) {
  const release = await lock(`chancery ${realpathSync(folder)}\n`);
  try {
    return await action();
  } finally {
    await release();
  }
}

async function lock(name) {
  let place = createHash('sha256').update(name).digest().readUInt32BE();
  for (let silent = 0; ;) {
    const port = FIRST + (place % COUNT);
    const release = await listen(port, name);
    if (release) return release;
    const met = await meet(port, name);
    // One that closes without a word ends just now, or is another program that always does.
    silent = met === 'silence' ? silent + 1 : 0;
    if (met === 'a stranger' || silent > SILENCES_MAX) {
      place += 1;
      silent = 0;
    }
  }
}

/** Null when somebody has the port. */
async function listen(port, name) {
  const visitors = new Set();
  const server = createServer((socket) => {
    visitors.add(socket);
    socket.on('error', () => undefined).write(name);
  });
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') return null;
    throw error;
  }
  return async () => {
    const closed = once(server.close(), 'close');
    for (const socket of visitors) socket.destroy();
    await closed;
  };
}

/** Who listens there; when it is one of ours, after it has ended. */
async function meet(port, name) {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let said = '';
  const greeted = new Promise((resolve) => {
    socket.on('data', (text) => {
      said += text;
      if (!name.startsWith(said) || said === name) resolve();
    });
  });
  const patience = sleep(GREETS_WITHIN_MS, false, { ref: false });
  const ended = await Promise.race([greeted.then(() => false), closed.then(() => true), patience]);
  if (said === name) {
    console.log('Another command installs or builds in this folder; this one goes on when that has ended.');
    await closed;
    return 'one of ours';
  }
  socket.destroy();
  return ended ? 'silence' : 'a stranger';
}
