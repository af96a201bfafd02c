import { isIP } from 'node:net';
import { isLoopbackHost } from '../base-url.js';
import { hasPlaceholder, PLACEHOLDER } from '../placeholder.js';
import { usage } from './cli-error.js';

export type Listen = { address: string; port: number; hostForUrl: string };
export type Inject = { name: string; value: string };

/** @throws CliError for anything but a loopback address and a port: the proxy has no other protection */
export function parseListen(text: string): Listen {
  const [, host = '', portText = ''] = /^(\[[0-9a-fA-F:]+\]|[0-9a-zA-Z.-]+):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  if (host === '' || port > 65_535) throw usage('--listen needs an address and a port', 'e.g. 127.0.0.1:8080');
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  const isLiteral = isIP(bare) !== 0;
  if (!isLoopbackHost(bare) || !(isLiteral || bare === 'localhost')) {
    throw usage('the proxy listens on loopback only', 'use 127.0.0.1 or [::1]');
  }
  return { address: bare === 'localhost' ? '127.0.0.1' : bare, port, hostForUrl: host.toLowerCase() };
}

/** @throws CliError for anything but an origin, with a path prefix at most */
export function parseUpstream(text: string): string {
  const bad = usage('--upstream is no URL of an API', 'e.g. https://api.openai.com');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw bad;
  }
  const isHttp = url.protocol === 'https:' || url.protocol === 'http:';
  if (!isHttp || url.username || url.password || url.search || url.hash || text.includes('{{')) throw bad;
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** @throws CliError unless it is one header line with the placeholder in its value */
export function parseInject(text: string): Inject {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(\S.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined || !hasPlaceholder(value)) {
    throw usage(`--inject is a header line with ${PLACEHOLDER}`, `e.g. 'x-api-key: ${PLACEHOLDER}'`);
  }
  return { name: name.toLowerCase(), value };
}
