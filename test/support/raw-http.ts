import { connect } from 'node:net';

export type RawAnswer = { status: number; headers: Record<string, string>; body: string; text: string };

/** Sends bytes as they are, which no HTTP client would, and reads until the server closes. */
export function rawExchange(url: string, chunks: readonly (string | { waitMs: number })[]): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const received: Buffer[] = [];
    socket.setTimeout(30_000, () => socket.destroy(new Error('the server said nothing for 30 s')));
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', (error) => (received.length > 0 ? undefined : reject(error)));
    socket.on('close', () => resolve(parse(Buffer.concat(received).toString())));
    void (async () => {
      for (const chunk of chunks) {
        if (socket.destroyed) return;
        if (typeof chunk === 'string') socket.write(chunk);
        else await new Promise((wake) => setTimeout(wake, chunk.waitMs).unref());
      }
    })();
  });
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [line = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((header) => [header.slice(0, header.indexOf(':')).toLowerCase(), header.slice(header.indexOf(':') + 2)]),
  );
  return { status: Number(line.split(' ')[1]), headers, body: text.slice(end + 4), text };
}
