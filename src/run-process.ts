import { type Config, EnvironmentError, loadConfig } from './config/environment.js';
import { emptyCoreDumps } from './platform/crypto/core-dumps.js';
import { createLog, type Log } from './platform/telemetry/logger.js';

const EX_CONFIG = 78;

/** From the environment to a running process that closes in order on SIGTERM and SIGINT. */
export async function runProcess(
  start: (options: { config: Config; log: Log }) => Promise<{ close(): Promise<void> }>,
): Promise<void> {
  emptyCoreDumps();
  try {
    const config = loadConfig(process.env);
    const log = createLog({ level: config.logLevel });
    const running = await start({ config, log });
    let closing: Promise<void> | null = null;
    const close = (signal: NodeJS.Signals): void => {
      closing ??= running.close().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error, signal }, 'could not close in order');
          process.exit(1);
        },
      );
    };
    process.once('SIGTERM', close).once('SIGINT', close);
  } catch (error) {
    const known = error instanceof EnvironmentError;
    process.stderr.write(`${known ? error.message : `Chancery could not start: ${(error as Error).message}`}\n`);
    process.exit(known ? EX_CONFIG : 1);
  }
}
