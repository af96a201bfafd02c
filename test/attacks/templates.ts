import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import type { AskedUse } from '../support/use-door.js';

export interface TemplateAttack {
  readonly row: string;
  readonly sent: string;
  readonly asked: AskedUse;
  /** Through the other door it is something else, and no attack. */
  readonly only?: 'execute';
}

const header = (name: string, value = 'x'): AskedUse => ({
  headers: { authorization: '{{CREDENTIAL}}', [name]: value },
});
const shown = (text: string): string => JSON.stringify(text);

const FRAMING = ['Host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Keep-Alive', 'Expect', 'Upgrade', 'TE'];
const HOP_BY_HOP = ['Trailer', 'HTTP2-Settings', 'Proxy-Authorization', 'Proxy-Connection', 'proxy-anything'];

const values: Readonly<Record<string, string>> = {
  'Content-Length': '0',
  'Transfer-Encoding': 'chunked',
  Connection: 'close, x-api-key',
  Expect: '100-continue',
  Upgrade: 'h2c',
  TE: 'trailers',
  Host: 'evil.com',
};

/** Requests that are refused as they stand, before any credential is looked up. */
export const TEMPLATES: readonly TemplateAttack[] = [
  ...['a\rb', 'a\nb', 'a\r\nX-Injected: yes', 'a\0b', 'a\vb', 'a\x7fb', '\r\n', 'a\n b'].map((value) => ({
    row: '20',
    sent: `a header value ${shown(value)}`,
    asked: header('x-test', value),
  })),
  ...['x-test\r\nx', 'x-test:', 'x test', 'x\0test', ' x-test', '(x)', 'ｘ-test'].map((name) => ({
    row: '20',
    sent: `a header name ${shown(name)}`,
    asked: header(name),
  })),
  ...[...FRAMING, ...HOP_BY_HOP].map((name) => ({
    row: '21',
    sent: `the header ${name}: ${values[name] ?? 'x'}`,
    asked: header(name, values[name]),
  })),
  { row: '21', sent: 'HOST in capitals', asked: header('HOST', 'evil.com') },
  {
    row: '21',
    sent: 'a header twice, in two spellings',
    asked: { headers: { 'x-a': '{{CREDENTIAL}}', 'X-A': '1' } },
    only: 'execute',
  },
  ...['TRACE', 'trace', 'TRACK', 'CONNECT', 'connect', 'PRI'].map((method) => ({
    row: '22',
    sent: `the method ${method}`,
    asked: { method },
  })),
  ...['G ET', 'GET\r\n', 'GET /', 'GET\0', 'GET:', '(GET)', 'ＧＥＴ', 'GET\t', '"GET"'].map((method) => ({
    row: '22',
    sent: `the method ${shown(method)}`,
    asked: { method },
  })),
  { row: '27', sent: '{{OTHER_KEY}} in a header', asked: header('x-other', '{{OTHER_KEY}}') },
  { row: '27', sent: '{{OTHER_KEY}} in the path', asked: { url: `https://${H}/{{OTHER_KEY}}/` }, only: 'execute' },
  { row: '27', sent: '{{OTHER_KEY}} in the query', asked: { query: { key: '{{OTHER_KEY}}' } }, only: 'execute' },
  {
    row: '27',
    sent: '{{OTHER_KEY}} in the body',
    asked: { method: 'POST', body: { key: '{{OTHER_KEY}}' } },
    only: 'execute',
  },
  { row: '27', sent: '{{ CREDENTIAL }}, carelessly spelled', asked: header('x-other', '{{ CREDENTIAL }}') },
  { row: '27', sent: '{{credential}}, carelessly spelled', asked: header('x-other', '{{credential}}') },
  ...['Range', 'If-Range', 'A-IM'].map((name) => ({
    row: '32',
    sent: `the header ${name}: bytes=0-7`,
    asked: header(name, 'bytes=0-7'),
  })),
];
