import type { CommanderError } from 'commander';
import { ChanceryError } from '../errors.js';
import { CliError, exitCodeOf, wayOutOf } from './cli-error.js';
import { EXIT } from './exit-codes.js';
import type { Output } from './output.js';

type Report = { what: string; code: string; wayOut: string; exitCode: number; error?: ChanceryError };

/** One line, `chancery: <what> (<code>): <way out>`; under --json the same as an object on stdout. Never a stack. */
export function reportFailure(out: Output, error: unknown): number {
  return print(out, describe(error));
}

/** The line alone, where stdout has the whole answer already. */
export function noteFailure(out: Output, error: ChanceryError): number {
  return say(out, describe(error));
}

/** What commander found wrong with the command line. */
export function reportUsage(out: Output, error: CommanderError): number {
  if (error.code === 'commander.help') return EXIT.usage; // a group without its command: its help was printed
  return print(out, { what: usageText(error), code: 'usage', wayOut: 'see --help', exitCode: EXIT.usage });
}

function describe(error: unknown): Report {
  if (error instanceof CliError) {
    return { what: error.message, code: error.code, wayOut: error.wayOut, exitCode: error.exitCode };
  }
  if (error instanceof ChanceryError) {
    const { message: what, code } = error;
    return { what, code, wayOut: wayOutOf(error), exitCode: exitCodeOf(error), error };
  }
  const what = 'the command failed in a way nobody foresaw';
  return {
    what,
    code: error instanceof Error ? error.name : 'unknown',
    wayOut: 'please report it',
    exitCode: EXIT.refused,
  };
}

function print(out: Output, report: Report): number {
  const { what, code, wayOut: way_out, exitCode: exit_code } = report;
  if (out.asJson) {
    const { status, detail, requestId: request_id } = report.error ?? {};
    out.json({ error: { code, what, way_out, exit_code, status, detail, request_id } });
  }
  return say(out, report);
}

function say(out: Output, { what, code, wayOut, exitCode }: Report): number {
  out.note(`${what.replace(/[.\s]+$/, '')} (${code}): ${wayOut}`);
  return exitCode;
}

const SAFE_FLAG = /^--?[a-z][a-z-]{0,30}$/;

/** Commander quotes what it did not understand. That can be a secret typed in the wrong place, so it is not repeated. */
function usageText(error: CommanderError): string {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption': {
      const flag = quoted.split('=')[0]!;
      return SAFE_FLAG.test(flag) ? `unknown option ${flag}` : 'unknown option';
    }
    case 'commander.unknownCommand':
      return 'unknown command';
    case 'commander.excessArguments':
      return 'too many arguments; values are read from stdin or a prompt, never from arguments';
    case 'commander.invalidArgument':
      return error.message.replace(/^error: /, '').replace(/ argument '[^']*' is invalid/s, ' is invalid');
    default:
      return error.message.replace(/^error: /, '');
  }
}
