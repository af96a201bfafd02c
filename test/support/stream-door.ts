import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest, validateHeaderName, validateHeaderValue } from 'node:http';
import type { DpopAgent } from './dpop-agent.js';
import type { AskedUse, SeenUse, UseDoor, UseOptions } from './use-door.js';

const URL_PARTS = /^([^:/?#]*):\/\/(.+)$/s;
const OUTSIDE_TARGET = /[^\x21-\x7e]/g;
/** Behind the host it can only be sent escaped, and is then no attack. */
const BLANK_BEHIND_HOST = /^[^/]*\/\/[^/?#]*[/?#].*[^\x21-\x7e]/s;
const METHOD = /^[A-Za-z-]+$/;
/** Tunnels and protocols that no HTTP client asks a route for. */
const METHODS_LEFT_OUT = new Set(['CONNECT', 'PRI']);
const MARK = '[redacted]';

/** The streaming route: the request is the caller's own, and so is the answer. */
export const throughStream: UseDoor = {
  name: 'stream',
  canSay: ({ method = 'GET', url = 'https://x/', headers = {} }) =>
    URL_PARTS.test(url) &&
    !BLANK_BEHIND_HOST.test(url) &&
    METHOD.test(method) &&
    !METHODS_LEFT_OUT.has(method.toUpperCase()) &&
    Object.entries(headers).every(([name, value]) => isHeader(name, value)),
  use: async (agent, credential, asked = {}, options = {}) => {
    const first = await use(agent, credential, asked, options);
    return first.code === 'use_dpop_nonce' ? use(agent, credential, asked, options) : first;
  },
};

async function use(agent: DpopAgent, credential: string, asked: AskedUse, options: UseOptions): Promise<SeenUse> {
  const method = (asked.method ?? 'GET').toUpperCase();
  const target = `/v1/credentials/${credential}/proxy/${targetOf(asked)}`;
  const htu = agent.base + (target.split(/[?#]/, 1)[0] as string);
  const dpop = await agent.proof({ htm: method, htu, accessToken: String(agent.accessToken) });
  const body = bodyOf(asked);
  const own = { authorization: `DPoP ${agent.accessToken}`, dpop, te: 'trailers', 'chancery-purpose': 'test' };
  const { hostname, port } = new URL(agent.base);
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const headers = { ...own, ...length, ...headersOf(asked), ...controlsOf(options) };
  const sent = httpRequest({ hostname, port, path: target, method, headers, agent: false });
  sent.on('error', () => undefined);
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const nonce = answer.headers['dpop-nonce'];
  if (typeof nonce === 'string') agent.nonce = nonce;
  if (answer.headers['chancery-error'] === undefined) options.whenBegun?.();
  return seenOf(answer);
}

/** Scheme, host, path and query as they stand in the route; braces and what no request line can hold are escaped. */
function targetOf({ url = 'https://api.upstream.test/', query = {} }: AskedUse): string {
  const [, scheme = '', written = ''] = URL_PARTS.exec(url) ?? [];
  // The route needs the slash that a URL may leave out.
  const rest = written.replace(/^([a-z0-9.:-]+)(?=\?|$)/i, '$1/');
  const added = Object.entries(query).map(([name, value]) => `${encodeURIComponent(name)}=${placeholdersKept(value)}`);
  const joined = added.length === 0 ? rest : `${rest}${rest.includes('?') ? '&' : '?'}${added.join('&')}`;
  return escapedBraces(`${scheme}/${joined}`).replace(OUTSIDE_TARGET, encodeURIComponent);
}

const escapedBraces = (text: string): string => text.replaceAll('{', '%7B').replaceAll('}', '%7D');
const placeholdersKept = (text: string): string =>
  text.split('{{CREDENTIAL}}').map(encodeURIComponent).join('{{CREDENTIAL}}');

function headersOf({ headers = { authorization: 'Bearer {{CREDENTIAL}}' }, body }: AskedUse): Record<string, string> {
  const named = Object.entries(headers).map(([name, value]) => {
    const isPlain = name.toLowerCase() === 'content-type';
    return [isPlain ? name : `chancery-forward-${name}`, Buffer.from(value).toString('latin1')] as const;
  });
  const type = typeof body === 'object' ? { 'content-type': 'application/json' } : {};
  return { ...type, ...(Object.fromEntries(named) as Record<string, string>) };
}

const controlsOf = ({ timeoutMs, version, approvalId }: UseOptions): Record<string, string> => ({
  ...(timeoutMs !== undefined && { 'chancery-timeout-ms': String(timeoutMs) }),
  ...(version !== undefined && { 'chancery-version': String(version) }),
  ...(approvalId !== undefined && { 'chancery-approval-id': approvalId }),
});

function bodyOf({ body, body_base64: base64 }: AskedUse): string | Buffer | undefined {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
}

async function seenOf(answer: IncomingMessage): Promise<SeenUse> {
  const pieces: Buffer[] = [];
  let broken = false;
  try {
    for await (const piece of answer) pieces.push(piece as Buffer);
  } catch {
    broken = true;
  }
  const body = Buffer.concat(pieces);
  const headers = [...pairs(answer.rawHeaders), ...pairs(answer.rawTrailers)];
  const status = answer.statusCode ?? 0;
  const audit = answer.headers['chancery-audit'];
  const own = answer.headers['chancery-error'];
  const reason = answer.statusMessage ?? '';
  if (audit !== undefined && own === undefined) {
    const marks = `${reason}${JSON.stringify(headers)}${body.toString('latin1')}`.split(MARK).length - 1;
    const seq = Number(String(audit).split(' ', 1)[0]);
    return { status, code: null, headers, body, redactions: marks, broken, seq, reason };
  }
  const problem = problemIn(body);
  const code = typeof own === 'string' ? own : (problem.code ?? 'none');
  return { status, code, headers, body, redactions: null, broken, seq: problem.audit?.seq, reason };
}

function problemIn(body: Buffer): { readonly code?: string; readonly audit?: { readonly seq: number } } {
  try {
    return JSON.parse(body.toString()) as ReturnType<typeof problemIn>;
  } catch {
    return {};
  }
}

const pairs = (raw: readonly string[]): (readonly [string, string])[] =>
  raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] as string] as const] : []));

/** A name or a value that no client can put on the wire cannot arrive in one: it would be another header. */
function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, Buffer.from(value).toString('latin1'));
    return value.trim() === value;
  } catch {
    return false;
  }
}
