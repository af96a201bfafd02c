import { pino, type DestinationStream, type Logger as Pino } from 'pino';
import { safeError } from './safe-error.js';

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
      timestamp: pino.stdTimeFunctions.isoTime,
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
    options.destination ?? pino.destination(1),
  );
}
