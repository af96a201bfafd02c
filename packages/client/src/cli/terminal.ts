import { StringDecoder } from 'node:string_decoder';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';

const STDIN_BYTES_MAX = 1024 * 1024;
const LINE_CHARACTERS_MAX = 16_384;
const interrupted = () => new CliError('interrupted', 'interrupted', 'nothing was sent', EXIT.interrupted);

/** Questions on the terminal. Answers to hidden ones are never shown; what is typed ahead waits for the next. */
export class Terminal {
  readonly #io: Io;
  readonly #decoder = new StringDecoder('utf8');
  #ahead = '';

  constructor(io: Io) {
    this.#io = io;
  }

  get interactive(): boolean {
    return this.#io.stdin.isTTY === true;
  }

  async ask(question: string): Promise<string> {
    return this.#read(question, true);
  }

  async askHidden(question: string): Promise<string> {
    return this.#read(question, false);
  }

  /** All of stdin, for values piped in. */
  async readAll(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.#io.stdin) {
      const piece = Buffer.from(chunk as Uint8Array);
      bytes += piece.length;
      if (bytes > STDIN_BYTES_MAX)
        throw new CliError('too_large', 'stdin holds more than 1 MiB', 'send less', EXIT.usage);
      chunks.push(piece);
    }
    return Buffer.concat(chunks);
  }

  async #read(question: string, shown: boolean): Promise<string> {
    const { stdin, stderr } = this.#io;
    // Before the question: what is typed the moment it shows must not be echoed.
    stdin.setRawMode?.(true);
    stderr.write(question);
    const echo = (text: string) => (shown ? void stderr.write(text) : undefined);
    const line = new LineEditor(echo);
    try {
      return await new Promise<string>((resolve, reject) => {
        const take = (text: string) => {
          this.#ahead += text;
          while (this.#ahead !== '') {
            const [first = ''] = this.#ahead;
            this.#ahead = this.#ahead.slice(first.length);
            const outcome = line.type(first);
            if (outcome === 'more') continue;
            stdin.pause(); // at once: what comes after this line belongs to the next question
            stdin.off('data', onData);
            stdin.off('end', onEnd);
            return outcome === 'done' ? resolve(line.text) : reject(interrupted());
          }
        };
        const onData = (chunk: Buffer | string) => take(typeof chunk === 'string' ? chunk : this.#decoder.write(chunk));
        const onEnd = () => reject(interrupted());
        stdin.on('data', onData);
        stdin.on('end', onEnd);
        stdin.resume();
        take('');
      });
    } finally {
      stdin.pause();
      stdin.setRawMode?.(false);
      stderr.write('\n');
    }
  }
}

class LineEditor {
  text = '';
  readonly #echo: (text: string) => void;

  constructor(echo: (text: string) => void) {
    this.#echo = echo;
  }

  type(character: string): 'more' | 'done' | 'interrupted' {
    if (character === '\r' || character === '\n') return 'done';
    if (character === '\u0003' || (character === '\u0004' && this.text === '')) return 'interrupted';
    if (character === '\u007f' || character === '\b') {
      if (this.text !== '') this.#echo('\b \b');
      this.text = Array.from(this.text).slice(0, -1).join('');
    } else if (character === '\u0015') {
      this.#echo('\b \b'.repeat(Array.from(this.text).length));
      this.text = '';
    } else if (character >= ' ' && this.text.length < LINE_CHARACTERS_MAX) {
      this.text += character;
      this.#echo(character);
    }
    return 'more';
  }
}
