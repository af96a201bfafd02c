import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Below those that a kernel hands out by itself, which begin at 32768 or later: the next start finds them free. */
const [FIRST, END] = [20_000, 32_768];
const TRIES_MAX = 1_000;

/** Ports of loopback that nobody else gets before they are released. */
export interface HeldPorts {
  readonly ports: readonly number[];
  release(): Promise<void>;
}

/** As many as are wanted: these when all of them are free, others when not. */
export async function holdPorts(wanted: readonly number[]): Promise<HeldPorts> {
  const held = (await holdAll(wanted)) ?? (await holdOthers(wanted.length));
  const release = () => closeAll(held.splice(0).map(({ server }) => server));
  return { ports: held.map(({ port }) => port), release };
}

type Held = { readonly port: number; readonly server: Server };

async function holdAll(ports: readonly number[]): Promise<Held[] | null> {
  const held: Held[] = [];
  for (const port of ports) {
    const server = port === 0 ? null : await hold(port);
    if (server !== null) held.push({ port, server });
  }
  if (held.length === ports.length) return held;
  await closeAll(held.map(({ server }) => server));
  return null;
}

async function holdOthers(count: number): Promise<Held[]> {
  const held: Held[] = [];
  for (let tried = 0; held.length < count; tried += 1) {
    if (tried === TRIES_MAX) throw new Error('no port of loopback is free');
    const port = randomInt(FIRST, END);
    const server = await hold(port);
    if (server !== null) held.push({ port, server });
  }
  return held;
}

function hold(port: number): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
}
