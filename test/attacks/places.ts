import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import type { Received } from '../support/scripted-upstream.js';
import type { AskedUse } from '../support/use-door.js';

const url = (target: string): string => `https://${H}${target}`;

/** Secrets that would end a string, a segment, a pair, a tag or a replacement pattern, were they not encoded. */
export const BREAKERS: readonly (readonly [what: string, value: string])[] = [
  ['quotes and backslashes', '"sk\\live"\\\\0123456789\\"'],
  ['replacement patterns', "$&-$1-$$-$`-$'-$<n>-0123456789"],
  ['URL separators', 'sk&a=b?c#d/e;f+g%41%2e.0123456789'],
  ['path separators', '/../../sk/%2F..%2f//0123456789'],
  ['JSON structure', '","admin":true,"x":["{\\u0022}0123456789'],
  ['markup', "</script><a href='x'>&amp;]]>0123456789"],
  ['letters beyond ASCII', 'ключ-ßecret-秘密-🔑-0123456789'],
];

const latin1 = (text: string): string => Buffer.from(text, 'latin1').toString();
const post = (type: string, body: unknown): AskedUse => ({ method: 'POST', headers: { 'content-type': type }, body });

/** Each place a secret can stand in, and how an upstream reads it there. */
export const PLACES: readonly (readonly [place: string, asked: AskedUse, read: (received: Received) => unknown])[] = [
  ['a header', { headers: { 'x-key': '{{CREDENTIAL}}' } }, ({ headers }) => latin1(String(headers['x-key']))],
  [
    'the query',
    { url: url('/?a=1&k={{CREDENTIAL}}&b=2'), headers: {} },
    ({ target }) => new URL(url(target)).searchParams.get('k'),
  ],
  [
    'the path',
    { url: url('/a/{{CREDENTIAL}}/b'), headers: {} },
    ({ target }) => decodeURIComponent(target.slice(3, -2)),
  ],
  [
    'a JSON text',
    post('application/json', '{"k":"{{CREDENTIAL}}","n":1}'),
    ({ body }) => (JSON.parse(body) as { k: string }).k,
  ],
  [
    'a JSON object',
    { method: 'POST', headers: {}, body: { a: [{ k: '{{CREDENTIAL}}' }] } },
    ({ body }) => (JSON.parse(body) as { a: { k: string }[] }).a[0]?.k,
  ],
  [
    'a form',
    post('application/x-www-form-urlencoded', 'a=1&k={{CREDENTIAL}}&b=2'),
    ({ body }) => new URLSearchParams(body).get('k'),
  ],
  ['a text', post('text/plain', 'key: {{CREDENTIAL}}!'), ({ body }) => body.slice(5, -1)],
];
