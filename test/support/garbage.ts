import { type JsonSchema, type Route, resolved } from './openapi-routes.js';

/** Stands in everything sent here; no refusal and no log line may say it back. */
export const CANARY = 'sk-canary-5f1d0c7b9e';

/** One request of a stranger: a target and a body, as bytes. */
export interface Garbage {
  readonly target: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

const ZERO_ID = `${'0'.repeat(12)}7000800${'0'.repeat(13)}`;
const LONG = 'a'.repeat(5_000);

const PATH_PARTS = [
  CANARY,
  '%00',
  '%',
  '%zz',
  '%ff%fe',
  '..',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  `agt_${ZERO_ID}`,
  `AGT_${ZERO_ID}`,
  'agt_',
  '-1',
  '__proto__',
  'constructor',
  "'%20or%201=1--",
  '%F0%9F%92%A5',
  '%20',
  ';a=b',
  LONG,
];

const BODIES: (string | Buffer)[] = [
  '',
  '{',
  'null',
  'true',
  '1e999',
  `"${CANARY}"`,
  `["${CANARY}"]`,
  `{"${CANARY}":1}`,
  `{"__proto__":{"admin":true},"x":"${CANARY}"}`,
  '{"constructor":{"prototype":{"admin":true}}}',
  `{"name":"${CANARY}","name":"b"}`,
  '\ufeff{}',
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
  `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`,
  `{"name":"${'a'.repeat(300_000)}${CANARY}"}`,
];

/** In the place of each field of a body that is right otherwise. */
const VALUES: unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  CANARY,
  `${CANARY}\u0000`,
  `\ud800${CANARY}`,
  `\u202e${CANARY}`,
  `{{CREDENTIAL}}${CANARY}`,
  `${CANARY}' or 1=1; --`,
  `../../${CANARY}`,
  '💥'.repeat(3_000),
  [],
  {},
  [null],
  [CANARY, CANARY],
  { [CANARY]: CANARY },
  { toString: CANARY, valueOf: CANARY },
];

const QUERIES = [
  'limit=-1',
  'limit=0',
  'limit=1.5',
  'limit=1e3',
  'limit=99999999999999999999',
  'limit=1&limit=2',
  'limit[]=1',
  'limit=%00',
  `cursor=${CANARY}`,
  'cursor=%00',
  'cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'order=sideways',
  'active=perhaps',
  `${CANARY}=1`,
  '__proto__[admin]=1',
  'constructor.prototype.admin=1',
  '%ff=%fe',
  '&&&=&',
];

const HEADERS: Readonly<Record<string, string>>[] = [
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': `multipart/form-data; boundary=${CANARY}` },
  { 'content-type': 'application/x-www-form-urlencoded' },
  { 'content-type': '/' },
  { 'content-encoding': 'br' },
  { 'idempotency-key': '' },
  { 'idempotency-key': `${CANARY}${'k'.repeat(500)}` },
  { accept: 'application/xml' },
  { dpop: CANARY },
  { dpop: 'a.b.c' },
  { authorization: `Bearer ${CANARY}` },
  { authorization: `Bearer chy_sk_${'A'.repeat(107)}` },
  { authorization: `Bearer chy_ms_${'_'.repeat(107)}` },
  { authorization: `DPoP ${'e30.'.repeat(3)}` },
  { authorization: `Basic ${Buffer.from(`agt_${ZERO_ID}:${CANARY}`).toString('base64')}` },
  { authorization: 'Bearer' },
  { authorization: `Bearer ${'x'.repeat(8_000)}` },
  { 'x-http-method-override': 'DELETE' },
  { host: `${CANARY}.evil.example` },
  { range: 'bytes=0-1' },
  { expect: CANARY },
];

/** What a field usually is, so that what stands beside it in the same body gets read at all. */
const LIKELY: Readonly<Record<string, unknown>> = {
  allowed_domains: ['api.example.com'],
  email: 'somebody@example.com',
  method: 'GET',
  owner_email: 'somebody@example.com',
  role: 'admin',
  scope: 'tenant',
  tier: 'COMPANION',
  totp: '000000',
  url: 'https://api.upstream.test/',
};

/** Everything that can be wrong with a request to this route. */
export function garbageFor(route: Route): Garbage[] {
  const target = fill(route.path, `agt_${ZERO_ID}`);
  const right = route.body ? JSON.stringify(likely('', route.body)) : undefined;
  const json = right === undefined ? {} : { body: right };
  return [
    ...(route.path.includes('{') ? PATH_PARTS : []).map((part) => ({ target: fill(route.path, part), ...json })),
    ...QUERIES.map((query) => ({ target: `${target}?${query}`, ...json })),
    ...HEADERS.map((headers) => ({ target, headers, ...json })),
    ...BODIES.map((body) => ({ target, body })),
    ...(route.body ? wrongFields(route.body) : []).map((body) => ({ target, body: JSON.stringify(body) })),
  ];
}

const fill = (path: string, part: string): string => path.replaceAll(/\{\w+\}/g, part);

function likely(name: string, given: JsonSchema): unknown {
  const schema = resolved(given);
  if (name in LIKELY) return LIKELY[name];
  if (schema.enum) return schema.enum[0];
  if (schema.properties) {
    return Object.fromEntries(Object.entries(schema.properties).map(([key, part]) => [key, likely(key, part)]));
  }
  if (schema.anyOf) return likely('', schema.anyOf[0] ?? {});
  const byType: Readonly<Record<string, unknown>> = {
    integer: 443,
    number: 1,
    boolean: false,
    array: [443],
    object: {},
  };
  return byType[schema.type ?? ''] ?? `fuzz-0123456789-abcdef`;
}

/** The likely body with one field wrong, at every depth; and with one field too many or too few. */
function wrongFields(given: JsonSchema): unknown[] {
  const schema = resolved(given);
  const whole = likely('', schema) as Record<string, unknown>;
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    const { [name]: _, ...without } = whole;
    const inside = resolved(part).properties ? wrongFields(part) : [];
    return [...VALUES, ...inside].map((value) => ({ ...whole, [name]: value })).concat(without as typeof whole);
  });
}
