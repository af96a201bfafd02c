import { pino, type DestinationStream, type Logger as Pino } from 'pino';
import { isoTimes } from '../iso-time.js';
import { safeError } from './safe-error.js';

const LINES_BYTES = 8_192;
const FLUSH_EVERY_MS = 100;

const iso = isoTimes();

export type Log = Pino;

/** What `@Inject(LOG) log: Log` asks for. */
export const LOG = Symbol('chancery/log');

/**
 * One JSON line an event. What may be logged is decided here and not by redaction paths: requests and replies have no
 * serializer that could print headers, query strings or bodies, and an error is its name, code and place.
 */
export function createLog(options: { level: string; development?: boolean; destination?: DestinationStream }): Log {
  const withMessage = options.development ?? false;
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${iso(Date.now())}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {
        err: (error: unknown) => safeError(error, withMessage),
        error: (error: unknown) => safeError(error, withMessage),
        req: () => '[request]',
        request: () => '[request]',
        res: () => '[response]',
        headers: () => '[headers]',
        body: () => '[body]',
      },
    },
    options.destination ?? standardOutput(),
  );
}

/** Lines are written together, a tenth of a second late at most: a write a request is a tenth of what a request costs. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, minLength: LINES_BYTES });
  // Nobody may read what we print: pino lets a broken pipe pass, and so must we.
  setInterval(() => output.flush(() => undefined), FLUSH_EVERY_MS).unref();
  process.once('exit', () => {
    try {
      output.flushSync();
    } catch {
      // There is nobody left to tell.
    }
  });
  return output;
}
