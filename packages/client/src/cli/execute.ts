import type { Command } from 'commander';
import { ChanceryError } from '../errors.js';
import {
  APPROVAL_WAIT_SECONDS_MAX,
  EXECUTE_TIMEOUT_MS_MAX,
  type ExecuteAnswer,
  type ExecuteInput,
  type PendingApprovalAnswer,
} from '../execute.js';
import { BEARER_TEMPLATE, hasPlaceholder } from '../placeholder.js';
import type { Cli } from './cli.js';
import { usage } from './cli-error.js';
import { EXIT } from './exit-codes.js';
import { collect, parseJson, readBody, wholeNumber } from './values.js';

const PURPOSE_DEFAULT = 'chancery execute';

type ExecuteOptions = {
  request?: string;
  header?: string[];
  query?: string[];
  data?: string;
  purpose: string;
  timeoutMs?: number;
  credentialVersion?: number;
  approvalId?: string;
  wait?: number;
  include?: boolean;
  bearer: boolean;
} & { method: string };

export function executeCommand(program: Command, cli: Cli): void {
  program
    .command('execute')
    .argument('<credential>', 'its name')
    .argument('[url]', 'where the call goes; without {{CREDENTIAL}} anywhere, it goes as Authorization: Bearer')
    .option('-X, --method <method>', 'HTTP method (default GET, POST with a body)', '')
    .option('-H, --header <line>', "e.g. 'Authorization: Bearer {{CREDENTIAL}}' (repeatable)", collect)
    .option('-q, --query <pair>', 'name=value (repeatable)', collect)
    .option('-d, --data <body>', 'the body: text, @file, or - for stdin')
    .option('--no-bearer', "without {{CREDENTIAL}}, leave it to the credential's default injection")
    .option('--request <file>', 'the whole request as JSON instead: @file, or - for stdin')
    .option('--purpose <text>', 'why; it stands in the audit log', PURPOSE_DEFAULT)
    .option('--timeout-ms <n>', 'how long the upstream may take', wholeNumber(100, EXECUTE_TIMEOUT_MS_MAX))
    .option('--credential-version <n>', 'a version other than the current one', wholeNumber(1, 2_147_483_647))
    .option('--approval-id <id>', 'apr_… of a person’s approval of exactly this request')
    .option('--wait <seconds>', 'wait so long for a person to approve it', wholeNumber(1, APPROVAL_WAIT_SECONDS_MAX))
    .option('-i, --include', 'print status and headers before the body')
    .description('have a call made with a credential, as an agent (--agent NAME)')
    .action((credential: string, url: string | undefined, options: ExecuteOptions) =>
      execute(cli, credential, url, options),
    );
}

async function execute(cli: Cli, credential: string, url: string | undefined, options: ExecuteOptions): Promise<void> {
  const { purpose, timeoutMs: timeout_ms, credentialVersion: version } = options;
  const request = options.request ? await wholeRequest(cli, options.request) : await buildRequest(cli, url, options);
  const { approvalId: approval_id, wait: waitSeconds } = options;
  const chancery = await cli.asAgent();
  const input = {
    purpose,
    request,
    ...(timeout_ms === undefined ? {} : { timeout_ms }),
    ...(version === undefined ? {} : { version }),
    ...(approval_id === undefined ? {} : { approval_id }),
  };
  try {
    show(cli, await chancery.execute(credential, input, { waitSeconds }), options.include === true);
  } catch (error) {
    if (!(error instanceof ChanceryError) || error.code !== 'approval_pending') throw error;
    showPending(cli, error.problem as PendingApprovalAnswer);
  }
}

/** A person has to look at it first: nothing was sent. Says how to go on, and ends with a code of its own. */
function showPending(cli: Cli, pending: PendingApprovalAnswer): void {
  const { id, expires_at } = pending.approval;
  cli.exitCode = EXIT.pending;
  cli.out.result(pending, () => {
    cli.out.record([
      ['waits for a person', id],
      ['until', expires_at],
      ['audit entry', pending.audit.seq],
    ]);
  });
  cli.out.note(
    `a person runs \`chancery approvals approve ${id}\`; then the same command again with --approval-id ${id}`,
  );
}

async function wholeRequest(cli: Cli, source: string): Promise<ExecuteInput['request']> {
  const value = parseJson(await readBody(cli, source), 'the request');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw usage('the request is not an object');
  return value as ExecuteInput['request'];
}

async function buildRequest(
  cli: Cli,
  url: string | undefined,
  options: ExecuteOptions,
): Promise<ExecuteInput['request']> {
  if (!url) throw usage('where does the call go?', 'name the URL after the credential');
  const body = options.data === undefined ? undefined : await readBody(cli, options.data);
  const headers = options.header ? pairs(options.header, ':', 'a header looks like Name: value') : {};
  const query = options.query ? pairs(options.query, '=', 'a query parameter looks like name=value') : {};
  const places = [url, body ?? '', ...Object.values(headers), ...Object.values(query)];
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const isPlaced = !options.bearer || places.some(hasPlaceholder) || names.includes('authorization');
  if (!isPlaced) headers.authorization = BEARER_TEMPLATE;
  return {
    method: (options.method || (body === undefined ? 'GET' : 'POST')).toUpperCase(),
    url,
    headers,
    ...(options.query ? { query } : {}),
    ...(body === undefined ? {} : { body }),
  };
}

function pairs(lines: string[], separator: string, form: string): Record<string, string> {
  const entries = lines.map((line) => {
    const at = line.indexOf(separator);
    if (at < 1) throw usage(form);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

function show(cli: Cli, answer: ExecuteAnswer, include: boolean): void {
  cli.out.result(answer, () => {
    if (include) {
      cli.out.line(`HTTP ${answer.status}`);
      for (const [name, value] of Object.entries(answer.headers)) {
        for (const one of [value].flat()) cli.out.line(`${name}: ${one}`);
      }
      cli.out.line('');
    }
    cli.out.body(answer.body ?? Buffer.from(answer.body_base64 ?? '', 'base64'));
    const redacted =
      answer.redactions > 0
        ? `, the credential was redacted ${answer.redactions} ${answer.redactions === 1 ? 'time' : 'times'}`
        : '';
    cli.out.note(`${answer.status} in ${answer.duration_ms} ms${redacted}; audit entry ${answer.audit.seq}`);
  });
}
