import { type Config, EnvironmentError, loadConfig } from './config/environment.js';
import { EndSignals } from './end-signals.js';
import { emptyCoreDumps } from './platform/crypto/core-dumps.js';
import { shareNoBuffers } from './platform/crypto/own-memory.js';
import { createLog, type Log } from './platform/telemetry/logger.js';

const EX_CONFIG = 78;

/** From the environment to a running process that closes in order on the first signal to end, and at once on the second. */
export async function runProcess(
  start: (options: { config: Config; log: Log }) => Promise<{ close(): Promise<void> }>,
): Promise<void> {
  emptyCoreDumps();
  shareNoBuffers();
  const signals = new EndSignals();
  try {
    const config = loadConfig(process.env);
    const log = createLog({ level: config.logLevel });
    const running = await start({ config, log });
    void signals.next().then(async (signal) => {
      try {
        await running.close();
        process.exit(0);
      } catch (error) {
        log.error({ err: error, signal }, 'could not close in order');
        process.exit(1);
      }
    });
  } catch (error) {
    const known = error instanceof EnvironmentError;
    process.stderr.write(`${known ? error.message : `Chancery could not start: ${(error as Error).message}`}\n`);
    process.exit(known ? EX_CONFIG : 1);
  }
}
