import { setTimeout as sleep } from 'node:timers/promises';

/** What a shell says of a process that the signal ended: 128 and its number. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** The interrupt that ended a program can reach us after we have heard of its end. */
const LATE_MS = 50;

/**
 * SIGHUP, SIGINT and SIGTERM from the first line on. Before somebody waits, and at the second one, the process exits at
 * once: by `process.exit`, so that its exit handlers still end the database it started.
 */
export class EndSignals {
  #waiting: ((signal: NodeJS.Signals) => void) | undefined;
  #interruptsOff = false;

  constructor() {
    for (const [signal, code] of Object.entries(EXIT_CODES)) {
      process.on(signal as NodeJS.Signals, (name: NodeJS.Signals) => {
        if (name === 'SIGINT' && this.#interruptsOff) return;
        if (this.#waiting === undefined) process.exit(code);
        this.#waiting(name);
        this.#waiting = undefined;
      });
    }
  }

  /** Resolves at the next one. */
  next(): Promise<NodeJS.Signals> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** While a program in the same terminal runs, Ctrl-C is meant for it. */
  async leaveInterruptsTo<T>(program: Promise<T>): Promise<T> {
    this.#interruptsOff = true;
    try {
      return await program;
    } finally {
      await sleep(LATE_MS);
      this.#interruptsOff = false;
    }
  }
}
