import type { Io } from './io.js';
import { printable, printableJson } from './printable.js';
import { formatTable, type Column } from './table.js';

/** Results go to stdout, everything said beside them to stderr. */
export class Output {
  constructor(
    readonly io: Io,
    readonly asJson: boolean,
  ) {}

  /** A result: JSON for machines, or what `human` prints. */
  result(value: unknown, human: () => void): void {
    if (this.asJson) this.json(value);
    else human();
  }

  json(value: unknown): void {
    this.io.stdout.write(`${printableJson(value)}\n`);
  }

  /** Bytes of others, as they are to a file or pipe; on a terminal without what would drive it. */
  body(body: string | Buffer): void {
    if (body.length === 0) return;
    if (!this.io.stdout.isTTY) return void this.io.stdout.write(body);
    const text = body.toString().split('\n').map(printable).join('\n');
    this.io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  line(text: string): void {
    this.io.stdout.write(`${printable(text)}\n`);
  }

  /** Beside the result: progress, hints. */
  note(text: string): void {
    this.io.stderr.write(`chancery: ${printable(text)}\n`);
  }

  table<T>(columns: Column<T>[], rows: T[], whenEmpty: string): void {
    if (rows.length === 0) return this.note(whenEmpty);
    const width = this.io.stdout.isTTY ? this.io.stdout.columns || undefined : undefined; // 0: the terminal does not know
    const [head, ...lines] = formatTable(columns, rows, width);
    this.io.stdout.write(`${[this.#bold(head!), ...lines].join('\n')}\n`);
  }

  /** Name and value pairs, one a line; absent values are left out. */
  record(pairs: [string, string | number | null | undefined][]): void {
    const present = pairs.filter(([, value]) => value !== undefined && value !== null && value !== '');
    const width = Math.max(0, ...present.map(([name]) => name.length));
    for (const [name, value] of present) this.line(`${name.padEnd(width)}  ${value}`);
  }

  #bold(text: string): string {
    const plain = !this.io.stdout.isTTY || Boolean(this.io.env.NO_COLOR) || this.io.env.TERM === 'dumb';
    return plain ? text : `\u001b[1m${text}\u001b[22m`;
  }
}
