import { type AddressInfo, createServer, connect, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** The server gets what was stranded, from a client that is long gone. */
  deliver(): void;
  close(): void;
}

/**
 * What to do with a piece of what the client sends: pass it on, drop the connection before the server sees it, pass it
 * on and drop the connection when the answer comes, or drop the client and keep the piece until `deliver`.
 */
export type Fate = 'pass' | 'lose' | 'lose_answer' | 'strand';

/** Stands between a client and a server, and cuts the line where a test wants it cut. */
export async function startTcpProxy(
  target: { host: string; port: number },
  fate: (sent: Buffer) => Fate,
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const stranded: (() => void)[] = [];
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    let losesAnswer = false;
    let isStranded = false;
    const cut = () => {
      client.destroy();
      if (!isStranded) upstream.end();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', cut).on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    client.on('data', (sent) => {
      const what = fate(sent);
      if (what === 'lose') return cut();
      if (what === 'strand') {
        isStranded = true;
        stranded.push(() => {
          isStranded = false;
          upstream.end(sent);
        });
        return cut();
      }
      losesAnswer ||= what === 'lose_answer';
      upstream.write(sent);
    });
    upstream.on('data', (answer) => (losesAnswer ? cut() : client.write(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    deliver: () => {
      for (const send of stranded.splice(0)) send();
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
