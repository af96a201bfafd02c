import { type AddressInfo, createServer, connect, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  close(): void;
}

/**
 * What to do with a piece of what the client sends: pass it on, drop the connection before the server sees it, or pass
 * it on and drop the connection when the answer comes.
 */
export type Fate = 'pass' | 'lose' | 'lose_answer';

/** Stands between a client and a server, and cuts the line where a test wants it cut. */
export async function startTcpProxy(
  target: { host: string; port: number },
  fate: (sent: Buffer) => Fate,
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    let losesAnswer = false;
    const cut = () => {
      client.destroy();
      upstream.end();
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
      losesAnswer ||= what === 'lose_answer';
      upstream.write(sent);
    });
    upstream.on('data', (answer) => (losesAnswer ? cut() : client.write(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
