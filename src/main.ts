import { EnvironmentError, loadConfig } from './config/environment.js';
import { emptyCoreDumps } from './platform/crypto/core-dumps.js';
import { createLog } from './platform/telemetry/logger.js';
import { startChancery } from './start.js';

const EX_CONFIG = 78;

emptyCoreDumps();
try {
  const config = loadConfig(process.env);
  const log = createLog({ level: config.logLevel });
  const chancery = await startChancery({ config, log });
  let closing: Promise<void> | null = null;
  const close = (signal: NodeJS.Signals): void => {
    closing ??= chancery.close().then(
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
