import type { Command } from 'commander';
import { problemError } from '../http-failures.js';
import { textOf, type HttpAnswer } from '../http-answer.js';
import type { HttpRequest } from '../http.js';
import { header } from '../http.js';
import type { Cli } from './cli.js';
import { usage } from './cli-error.js';
import { noteFailure } from './failure.js';
import { collect, parseJson, readBody } from './values.js';

type ApiOptions = { data?: string; header?: string[]; ops?: boolean; person?: boolean; asAgent?: boolean };

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export function apiCommand(program: Command, cli: Cli): void {
  program
    .command('api')
    .argument('<method>', METHODS.join(', '))
    .argument('<path>', 'e.g. /v1/agents?limit=10')
    .option('-d, --data <body>', 'JSON body: text, @file, or - for stdin (secrets: @file or stdin)')
    .option('-H, --header <line>', "e.g. 'Idempotency-Key: 1' (repeatable)", collect)
    .option('--ops', 'on the ops surface')
    .option('--person', "with a person's session, not a key")
    .option('--as-agent', "with an agent's DPoP token (--agent NAME chooses which)")
    .description('any route of the API, authenticated')
    .action((method: string, path: string, options: ApiOptions) => call(cli, method.toUpperCase(), path, options));
}

async function call(cli: Cli, method: string, path: string, options: ApiOptions): Promise<void> {
  if (!METHODS.includes(method)) throw usage('that is no method of the API', METHODS.join(', '));
  if (!path.startsWith('/')) throw usage('a path starts with /', 'the server is named by the profile or --url');
  const request: HttpRequest = { method, path, headers: headersOf(options.header ?? []) };
  if (options.data !== undefined) request.json = parseJson(await readBody(cli, options.data), 'the body');
  const answer = await send(cli, request, options);
  show(cli, answer);
  if (answer.status >= 400) cli.exitCode = noteFailure(cli.out, problemError(answer));
}

async function send(cli: Cli, request: HttpRequest, options: ApiOptions): Promise<HttpAnswer> {
  if (options.asAgent || cli.namedAgent !== undefined) return (await cli.agentSession()).send(request);
  const connection = await cli.connect(options.ops ? 'ops' : 'tenant');
  return connection.send(request, options.person ? 'person' : 'anyone');
}

function headersOf(lines: string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw usage('a header looks like Name: value');
    headers[name] = value;
  }
  return headers;
}

function show(cli: Cli, answer: HttpAnswer): void {
  const isJson = /\bjson\b/.test(header(answer.headers, 'content-type') ?? '');
  const value = isJson ? tryParse(textOf(answer)) : undefined;
  if (value !== undefined) cli.out.json(value);
  else cli.out.body(Buffer.from(answer.body));
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
