import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { eventually } from './eventually.js';

const ANSWER_MS = 120_000;
/** What only moves the cursor, and the beginning of it at the end of what has come so far. */
const MOVES = /\u001b\[[0-9;]*[A-Za-z]|\r/g;
const UNFINISHED = /\u001b(?:\[[0-9;]*)?$/;

/** `script` of util-linux gives a program a terminal; that of other systems wants other options. */
export const HAS_TERMINALS = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

/** A program in a terminal, with somebody who reads and types. */
export class Terminal {
  /** All that was shown, without what only moves the cursor. */
  shown = '';
  readonly #child: ChildProcess;
  #read = 0;

  constructor(command: string, { cwd, env }: { cwd: string; env: Readonly<Record<string, string>> }) {
    const wide = `stty cols 160 rows 50; ${command}`;
    this.#child = spawn('script', ['--quiet', '--return', '--command', wide, '/dev/null'], {
      cwd,
      env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], TERM: 'xterm', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const come = rest + text;
      rest = UNFINISHED.exec(come)?.[0] ?? '';
      this.shown += come.slice(0, come.length - rest.length).replaceAll(MOVES, '');
    });
    this.#child.stdin?.on('error', () => undefined); // it may end without reading
  }

  /** Waits until it shows this, and returns what it has shown since the last time. */
  async reads(expected: RegExp): Promise<string> {
    const from = this.#read;
    const find = () => expected.exec(this.shown.slice(from));
    await eventually(() => find() !== null || this.#hasEnded, ANSWER_MS).catch(() => undefined);
    const found = find();
    if (!found) throw new Error(`never saw ${expected}, but:\n${this.shown.slice(from)}`);
    this.#read = from + found.index + found[0].length;
    return this.shown.slice(from, this.#read);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  types(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Its exit code, once it has ended. */
  async ended(): Promise<number | null> {
    await eventually(() => this.#hasEnded, ANSWER_MS);
    return this.#child.exitCode;
  }

  /** Closes the window. */
  close(): void {
    this.#child.kill('SIGKILL');
  }
}
