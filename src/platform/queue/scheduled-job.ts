import type { Log } from '../telemetry/logger.js';

/** Must stop when the signal says so: at shutdown, and when a run takes too long. */
export type JobHandler = (signal: AbortSignal) => Promise<void>;

class JobTimeoutError extends Error {
  override readonly name = 'JobTimeoutError';
}

/** One job that is due every so often: its handler, and what keeps two runs in this process from overlapping. */
export class ScheduledJob {
  #running: Promise<void> | undefined;

  constructor(
    readonly name: string,
    readonly everyMs: number,
    private readonly handler: JobHandler,
    private readonly timeoutMs: number,
    private readonly log: Log,
  ) {}

  /**
   * Returns at once when a run is still going on. Throws what the handler throws, so that the queue tries again. One that took
   * too long no longer counts, whether it stops or not: else a handler that hangs once would never run again.
   */
  async run(stopping: AbortSignal): Promise<void> {
    if (this.#running) return;
    const timeout = new AbortController();
    const signal = AbortSignal.any([stopping, timeout.signal]);
    const started = Date.now();
    const running = this.handler(signal);
    this.#running = running;
    running.catch(() => undefined);

    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new JobTimeoutError(`${this.name} took longer than ${this.timeoutMs} ms`);
        timeout.abort(error);
        reject(error);
      }, this.timeoutMs);
    });
    try {
      await Promise.race([running, late]);
      this.log.debug({ job: this.name, duration_ms: Date.now() - started }, 'job done');
    } catch (error) {
      this.log.error({ job: this.name, duration_ms: Date.now() - started, err: error }, 'job failed');
      throw error;
    } finally {
      clearTimeout(timer);
      this.#running = undefined;
    }
  }
}
