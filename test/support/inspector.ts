import { once } from 'node:events';
import { WebSocket } from 'undici';

interface Reply {
  readonly id: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}
type RemoteObject = { readonly objectId: string; readonly value?: unknown };

/** Looks into another Node process through its inspector: what is still reachable there, as text and as bytes. */
export class Inspector {
  #lastId = 0;
  readonly #waiting = new Map<number, (reply: Reply) => void>();

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  /** `url` is what Node prints for `--inspect`. */
  static async attach(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    const inspector = new Inspector(socket);
    await once(socket, 'open');
    return inspector;
  }

  close(): void {
    this.socket.close();
  }

  async collectGarbage(times: number): Promise<void> {
    for (let time = 0; time < times; time += 1) await this.#ask('HeapProfiler.collectGarbage');
  }

  /** Everything reachable on the JavaScript heap, as V8 writes it into `file`. */
  async writeHeapSnapshot(file: string): Promise<void> {
    const expression = `process.getBuiltinModule('node:v8').writeHeapSnapshot(${JSON.stringify(file)})`;
    await this.#ask('Runtime.evaluate', { expression, returnByValue: true });
  }

  /**
   * The reachable ArrayBuffers that hold one of the needles, by needle, each with its size and what stands around the find: slabs
   * and pools, which no snapshot shows. The memory of WebAssembly is left out: the HTTP client's parser keeps there what it read last.
   */
  async inBuffers(needles: readonly string[]): Promise<readonly (readonly [needle: string, found: string])[]> {
    const buffers = await this.#all('ArrayBuffer');
    const memories = await this.#all('WebAssembly.Memory');
    const { result } = await this.#ask<{ result: RemoteObject }>('Runtime.callFunctionOn', {
      objectId: buffers,
      functionDeclaration: `function (needles, memories) {
        const left = new Set(memories.map(({ buffer }) => buffer));
        return this.filter((buffer) => !left.has(buffer)).flatMap((buffer) => {
          const bytes = Buffer.from(buffer);
          const found = needles.map((needle) => [needle, bytes.indexOf(needle, 0, 'latin1')]).filter(([, at]) => at >= 0);
          const around = (at) => bytes.length + ' bytes, at ' + at + ': ' + bytes.toString('latin1', at - 40, at + 60);
          return found.map(([needle, at]) => [needle, around(at)]);
        });
      }`,
      arguments: [{ value: needles }, { objectId: memories }],
      returnByValue: true,
    });
    for (const objectId of [buffers, memories]) await this.#ask('Runtime.releaseObject', { objectId });
    return result.value as [string, string][];
  }

  /** Every reachable object of a class, as an array over there. */
  async #all(className: string): Promise<string> {
    const expression = `${className}.prototype`;
    const { result: prototype } = await this.#ask<{ result: RemoteObject }>('Runtime.evaluate', { expression });
    const { objects } = await this.#ask<{ objects: RemoteObject }>('Runtime.queryObjects', {
      prototypeObjectId: prototype.objectId,
    });
    return objects.objectId;
  }

  async #ask<T>(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.socket.send(JSON.stringify({ id, method, params }));
    });
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result as T;
  }
}
