import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type DnsAnswer, type Question, readQuestion, type ResourceRecord, writeAnswer } from './dns-message.js';
import { ownPort } from './own-ports.js';

/** Answers one question; a Buffer is sent as it stands, null is silence. `times` counts the questions of that name and type. */
export type Script = (question: Question, times: number, over: 'udp' | 'tcp') => DnsAnswer | Buffer | null;

/** The A and AAAA records of `name`: what a question of the other family gets is empty. */
export function addresses(name: string, values: readonly string[]): readonly ResourceRecord[] {
  return values.map((value) => ({ name, type: value.includes(':') ? 'AAAA' : 'A', value }));
}

/** A name server on loopback, over UDP and TCP, that answers each name as a spec says, and writes down what it was asked. */
export class HostileDns {
  readonly asked: { readonly name: string; readonly type: string; readonly over: 'udp' | 'tcp' }[] = [];
  readonly #scripts = new Map<string, Script>();
  readonly #times = new Map<string, number>();
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly udp: UdpSocket,
    private readonly tcp: Server,
    /** `127.0.0.1:port`, the same port for both. */
    readonly server: string,
  ) {}

  static async start(): Promise<HostileDns> {
    // Not one that the kernel chose for TCP: over UDP it may be somebody's.
    const port = await ownPort();
    const tcp = createServer();
    tcp.listen(port, '127.0.0.1');
    await once(tcp, 'listening');
    const udp = createSocket('udp4');
    udp.bind(port, '127.0.0.1');
    await once(udp, 'listening');
    const dns = new HostileDns(udp, tcp, `127.0.0.1:${port}`);
    udp.on('message', (message, { address, port: from }) => {
      const answer = dns.#answer(message, 'udp');
      if (answer !== null) udp.send(answer, from, address);
    });
    tcp.on('connection', (socket) => dns.#serve(socket));
    return dns;
  }

  /** Whatever else of `name` was said before is forgotten. */
  on(name: string, script: Script): void {
    this.#scripts.set(name, script);
    for (const type of ['A', 'AAAA']) this.#times.delete(`${type} ${name}`);
  }

  /** Every question gets these addresses, each family its own. */
  say(name: string, ...values: readonly string[]): void {
    this.on(name, ({ type }) => ({ records: addresses(name, values).filter((record) => record.type === type) }));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.udp.close();
    this.tcp.close();
    await once(this.tcp, 'close');
  }

  #answer(message: Buffer, over: 'udp' | 'tcp'): Buffer | null {
    const question = readQuestion(message);
    const { name, type } = question;
    this.asked.push({ name, type, over });
    const key = `${type} ${name}`;
    const times = (this.#times.get(key) ?? 0) + 1;
    this.#times.set(key, times);
    const script = this.#scripts.get(name);
    const answer = script === undefined ? { rcode: 'NXDOMAIN' as const } : script(question, times, over);
    return answer === null || Buffer.isBuffer(answer) ? answer : writeAnswer(question, answer);
  }

  /** RFC 1035, 4.2.2: each message behind its length in two bytes. */
  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    let waiting: Buffer = Buffer.alloc(0);
    socket.on('data', (piece) => {
      waiting = Buffer.concat([waiting, piece]);
      while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
        const end = 2 + waiting.readUInt16BE(0);
        const answer = this.#answer(waiting.subarray(2, end), 'tcp');
        waiting = waiting.subarray(end);
        if (answer === null) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      }
    });
  }
}
