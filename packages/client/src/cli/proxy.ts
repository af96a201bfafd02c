import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { BEARER_TEMPLATE } from '../placeholder.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import { parseInject, parseListen, parseUpstream } from './proxy-options.js';
import { createLocalProxy } from './local-proxy.js';
import { wholeNumber } from './values.js';

const DRAIN_MS = 5_000;
/** The longest a server lets a streamed call take. */
const STREAM_TIMEOUT_MS_MAX = 900_000;
const INJECT_DEFAULT = `Authorization: ${BEARER_TEMPLATE}`;

type ProxyOptions = {
  listen: string;
  credential: string;
  upstream?: string;
  inject: string;
  purpose: string;
  timeoutMs: number;
};

export function proxyCommand(program: Command, cli: Cli): void {
  program
    .command('proxy')
    .requiredOption('--listen <address>', 'loopback address and port, e.g. 127.0.0.1:8080')
    .requiredOption('--credential <name>', 'the credential to use')
    .option(
      '--upstream <url>',
      "the API behind it, e.g. https://api.openai.com (default: the credential's only domain)",
    )
    .option('--inject <header>', 'header added to requests that carry no {{CREDENTIAL}} themselves', INJECT_DEFAULT)
    .option('--purpose <text>', 'why; it stands in the audit log', 'chancery proxy')
    .option(
      '--timeout-ms <n>',
      'how long the API may take',
      wholeNumber(100, STREAM_TIMEOUT_MS_MAX),
      STREAM_TIMEOUT_MS_MAX,
    )
    .description('a local reverse proxy, so that curl and any SDK with a base URL can use a credential')
    .action((options: ProxyOptions) => serve(cli, options));
}

async function serve(cli: Cli, options: ProxyOptions): Promise<void> {
  const listen = parseListen(options.listen);
  const inject = parseInject(options.inject);
  const upstream = parseUpstream(options.upstream ?? (await onlyDomain(cli, options.credential)));
  const chancery = await cli.asAgent();
  const { credential, purpose, timeoutMs } = options;
  const server = createLocalProxy({
    listen,
    upstream,
    inject,
    fetch: chancery.fetch(credential, { purpose, timeoutMs, refusals: 'throw' }),
    log: (l) => cli.out.note(l),
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new CliError('listen_failed', `cannot listen on ${options.listen} (${error.code})`, 'choose another port'),
      );
    });
    server.listen(listen.port, listen.address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  listen.port = port;
  const url = `http://${listen.hostForUrl}:${port}`;
  cli.out.result({ url, upstream, credential }, () => cli.out.line(`${url} → ${upstream} with ${credential}`));
  cli.out.note('every program on this machine that reaches this port uses the credential; Ctrl-C ends it');
  await untilInterrupted(cli);
  server.close();
  const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  server.closeIdleConnections();
  await new Promise<void>((resolve) => server.once('close', resolve));
  clearTimeout(deadline);
}

async function untilInterrupted(cli: Cli): Promise<void> {
  cli.io.onInterrupt();
  if (cli.io.interrupted.aborted) return;
  await new Promise<void>((resolve) => cli.io.interrupted.addEventListener('abort', () => resolve(), { once: true }));
}

/** Without --upstream: the one host the credential may go to, when there is exactly one and no wildcard. */
async function onlyDomain(cli: Cli, credential: string): Promise<string> {
  const ask = usage('which API is behind the proxy?', 'name it with --upstream https://HOST');
  const connection = await cli.connect('tenant');
  if (!connection.hasCredential) throw ask;
  const path = `/v1/credentials/${encodeURIComponent(credential)}`;
  const { allowed_domains: domains, ports } = await connection.json<{ allowed_domains: string[]; ports?: number[] }>({
    method: 'GET',
    path,
  });
  if (domains.length !== 1 || domains[0]!.includes('*')) throw ask;
  const port = ports && ports.length === 1 && ports[0] !== 443 ? `:${ports[0]}` : '';
  return `https://${domains[0]}${port}`;
}
