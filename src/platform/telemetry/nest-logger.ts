import type { LoggerService } from '@nestjs/common';
import type { Log } from './logger.js';

/** Nest's own messages, as lines of ours. */
export class NestLogger implements LoggerService {
  constructor(private readonly pino: Log) {}

  // The map of routes and modules at every start tells an operator nothing.
  log(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  private write(level: 'trace' | 'debug' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const context = rest.at(-1);
    const from = typeof context === 'string' ? { from: context } : {};
    if (message instanceof Error) this.pino[level]({ ...from, err: message }, 'error');
    else this.pino[level](from, String(message));
  }
}
