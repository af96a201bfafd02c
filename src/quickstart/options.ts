import { parseArgs } from 'node:util';

export interface QuickstartOptions {
  /** Stop after the story. */
  readonly exit: boolean;
  /** Forget everything and start over. */
  readonly reset: boolean;
  /** Tell all of it: every request and answer. */
  readonly verbose: boolean;
  readonly help: boolean;
  /** The folder whose `.chancery` holds everything; the checkout unless told otherwise. */
  readonly dir?: string;
}

export const USAGE = `npm run quickstart [-- options]
  --exit      stop after the story (exit code 0 when everything went as told)
  --reset     delete .chancery and start over
  --verbose   print every request and answer
  --dir DIR   keep everything in DIR/.chancery instead of this folder's
  --help      this text`;

/** Throws what `parseArgs` says of an unknown option. */
export function readOptions(args: readonly string[]): QuickstartOptions {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { exit: flag, reset: flag, verbose: flag, help: { ...flag, short: 'h' }, dir: { type: 'string' } },
  });
  return values;
}
