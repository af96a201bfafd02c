import { inspect } from 'node:util';

const PRINTED = '[secret]';

/**
 * Bytes nobody may print. The constructor takes the buffer over (it does not copy): whoever made it must not keep
 * using it, because `zero()` wipes it in place.
 */
export class Secret {
  #bytes: Buffer | null;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static fromUtf8(text: string): Secret {
    // Buffer.from(string) would take a slice of the shared pool, next to bytes of others.
    const bytes = Buffer.alloc(Buffer.byteLength(text, 'utf8'));
    bytes.write(text, 'utf8');
    return new Secret(bytes);
  }

  /** The live bytes, not a copy. Throws after `zero()`, so that nothing is ever encrypted with a wiped key. */
  get bytes(): Buffer {
    if (this.#bytes === null) throw new Error('A secret was used after it had been zeroed');
    return this.#bytes;
  }

  get isZeroed(): boolean {
    return this.#bytes === null;
  }

  copy(): Secret {
    const bytes = Buffer.alloc(this.bytes.length);
    this.bytes.copy(bytes);
    return new Secret(bytes);
  }

  zero(): void {
    this.#bytes?.fill(0);
    this.#bytes = null;
  }

  toString(): string {
    return PRINTED;
  }

  toJSON(): string {
    return PRINTED;
  }

  [inspect.custom](): string {
    return PRINTED;
  }
}
