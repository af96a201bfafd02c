import { inSource } from './source-frames.js';

/** What of an error may stand in a log. */
export type SafeError = {
  name: string;
  code?: string;
  /** Names of the schema, as PostgreSQL gives them. */
  constraint?: string;
  table?: string;
  /** Fields of a view that did not fit, by name. */
  where?: string[];
  message?: string;
  at: string[];
  cause?: SafeError;
};

const FRAMES_MAX = 12;
const CAUSES_MAX = 4;
const PLACES_MAX = 20;

/**
 * An error without its message: those of drizzle hold statement parameters, those of JSON parsers the text, those of
 * HTTP clients the URL, so no list of exceptions would be complete. `withMessage` is for development only.
 */
export function safeError(error: unknown, withMessage = false, depth = 0): SafeError {
  if (!(error instanceof Error)) return { name: typeof error, at: [] };
  const { code, constraint, table, where } = error as Error &
    Partial<Record<'code' | 'constraint' | 'table' | 'where', unknown>>;
  return {
    name: isName(error.name) ? error.name : 'Error',
    ...(isName(code) && { code }),
    ...(isName(constraint) && { constraint }),
    ...(isName(table) && { table }),
    ...(Array.isArray(where) && { where: where.map(String).filter(isPlace).slice(0, PLACES_MAX) }),
    ...(withMessage && { message: error.message.slice(0, 500) }),
    at: framesOf(error),
    ...(error.cause !== undefined && depth < CAUSES_MAX && { cause: safeError(error.cause, withMessage, depth + 1) }),
  };
}

/** The stack repeats the message, which may have many lines: only the lines that name a place are kept. */
function framesOf(error: Error): string[] {
  const head = `${error.name}: ${error.message}`;
  const stack = error.stack ?? '';
  const frames = stack.startsWith(head) ? stack.slice(head.length) : stack;
  return frames
    .split('\n')
    .filter((line) => /^ {4}at .*:\d+:\d+\)?$/.test(line))
    .slice(0, FRAMES_MAX)
    .map((line) => inSource(line.trim().slice(3)));
}

const isName = (value: unknown): value is string => typeof value === 'string' && /^[A-Za-z0-9_.-]{1,80}$/.test(value);

const isPlace = (value: string): boolean => /^[A-Za-z0-9_.]{0,200} \([a-z_]{1,40}\)$/.test(value);
