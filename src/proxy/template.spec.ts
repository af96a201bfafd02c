import fc from 'fast-check';
import { joinText } from './placeholder.js';
import { parseTemplate, type ExecuteRequest } from './template.js';

const GET: ExecuteRequest = {
  method: 'GET',
  url: 'https://api.openai.com/v1/models',
  headers: { Authorization: 'Bearer {{CREDENTIAL}}' },
};
const parse = (change: Partial<ExecuteRequest> = {}) => parseTemplate({ ...GET, ...change }, { allowCleartext: false });
const parsed = (change: Partial<ExecuteRequest> = {}) => {
  const template = parse(change);
  if (!template.ok) throw new Error(`${template.code}: ${template.detail}`);
  return template.value;
};
const refusal = (code = 'template_refused') => ({ ok: false, code, detail: expect.any(String) });

const POST_JSON = { method: 'POST', headers: { 'Content-Type': 'application/json; charset=utf-8' } };
const POST_FORM = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } };

test('the placeholder is found in header values, path, query and body', () => {
  expect(parsed().places).toEqual(['header']);
  expect(parsed({ headers: {}, url: 'https://a.example/bot{{CREDENTIAL}}/x' }).places).toEqual(['path']);
  expect(parsed({ headers: {}, url: 'https://a.example/?key={{CREDENTIAL}}' }).places).toEqual(['query']);
  expect(parsed({ headers: {}, query: { key: '{{CREDENTIAL}}' } }).places).toEqual(['query']);
  expect(parsed({ ...POST_JSON, body: { key: '{{CREDENTIAL}}' } }).places).toEqual(['body']);
  expect(parsed({ query: { key: '{{CREDENTIAL}}' } }).places).toEqual(['header', 'query']);
});

test('a template without a placeholder names no place', () =>
  expect(parsed({ headers: { Authorization: 'Bearer x' } })).toMatchObject({ places: [], slots: [] }));

test('a placeholder asks for the value or for a field of it, wherever it stands', () => {
  const basic = '{{CREDENTIAL.username}}:{{CREDENTIAL.password}}';
  expect(parsed().slots).toEqual(['']);
  expect(parsed({ headers: { a: basic }, body: '{{CREDENTIAL.username}}' })).toMatchObject({
    slots: ['username', 'password'],
    places: ['header', 'body'],
    headers: [['a', { literals: ['', ':', ''], slots: ['username', 'password'] }]],
  });
  const url = 'https://a.example/{{CREDENTIAL.a}}/b%7e?k={{CREDENTIAL.b}}';
  expect(parsed({ headers: {}, url, query: { m: 'x{{CREDENTIAL.c_1}}' } })).toMatchObject({
    slots: ['a', 'b', 'c_1'],
    path: { literals: ['/', '/b~'], slots: ['a'] },
    query: { literals: ['k=', '&m=x', ''], slots: ['b', 'c_1'] },
  });
});

test('a template with more placeholders than any request needs is refused', () =>
  expect(parse({ body: '{{CREDENTIAL}}'.repeat(17) })).toEqual(refusal()));

describe('ATTACKS 9: a placeholder in a forbidden place is refused before any look-up', () => {
  test.each<Partial<ExecuteRequest>>([
    { method: '{{CREDENTIAL}}' },
    { url: '{{CREDENTIAL}}://api.openai.com/' },
    { url: 'https://{{CREDENTIAL}}@api.openai.com/' },
    { url: 'https://{{CREDENTIAL}}.evil.com/' },
    { url: 'https://api.openai.com:{{CREDENTIAL}}/' },
    { url: 'https://api.openai.com/#{{CREDENTIAL}}' },
    { url: 'https://api.openai.com/?{{CREDENTIAL}}=x' },
    { query: { '{{CREDENTIAL}}': 'x' } },
    { headers: { '{{CREDENTIAL}}': 'x' } },
    { method: '{{CREDENTIAL.key}}' },
    { url: 'https://{{CREDENTIAL.key}}.evil.com/' },
    { url: 'https://api.openai.com/#{{CREDENTIAL.key}}' },
    { headers: { '{{CREDENTIAL.key}}': 'x' } },
    { ...POST_JSON, body: { '{{CREDENTIAL.key}}': 1 } },
    { body_base64: Buffer.from('key={{CREDENTIAL.key}}').toString('base64') },
    { headers: { Host: '{{CREDENTIAL}}' } },
    { headers: { 'content-type': 'text/{{CREDENTIAL}}' }, body: 'x' },
    { ...POST_JSON, body: { '{{CREDENTIAL}}': 1 } },
    { ...POST_JSON, body: '{"{{CREDENTIAL}}":1}' },
    { ...POST_JSON, body: '{"a":{{CREDENTIAL}}}' },
    { ...POST_FORM, body: '{{CREDENTIAL}}=x' },
    { ...POST_FORM, body: '%7B%7BCREDENTIAL}}=x&a={{CREDENTIAL}}' },
    { body_base64: Buffer.from('key={{CREDENTIAL}}').toString('base64') },
  ])('%j', (change) => expect(parse(change)).toEqual(refusal()));
});

describe('ATTACKS 20, 21: headers that break or frame the message are refused', () => {
  test.each([
    'Host',
    'host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'Expect',
    'Upgrade',
    'TE',
    'Trailer',

    'Proxy-Authorization',
    'proxy-connection',
    'Range',
    'If-Range',
    'HTTP2-Settings',
    '',
    'a b',
    'a:b',
    'a\r\nb',
    'ä',
    'x'.repeat(129),
  ])('name %j', (name) => expect(parse({ headers: { ...GET.headers, [name]: 'x' } })).toEqual(refusal()));

  test.each(['a\r\nHost: evil.com', 'a\rb', 'a\nb', 'a\0b', 'a\x7f', 'x'.repeat(8_193)])('value %j', (value) =>
    expect(parse({ headers: { ...GET.headers, 'X-Note': value } })).toEqual(refusal()),
  );

  test('the same name twice', () =>
    expect(parse({ headers: { ...GET.headers, authorization: 'x' } })).toEqual(refusal()));
  test('too many', () =>
    expect(
      parse({
        headers: { ...GET.headers, ...Object.fromEntries(Array.from({ length: 64 }, (_unused, i) => [`x-${i}`, ''])) },
      }),
    ).toEqual(refusal()));
  test('too long together', () =>
    expect(
      parse({
        headers: {
          ...GET.headers,
          ...Object.fromEntries(Array.from({ length: 5 }, (_unused, i) => [`x-${i}`, 'x'.repeat(8_000)])),
        },
      }),
    ).toEqual(refusal()));
});

test.each(['TRACE', 'trace', 'CONNECT', 'TRACK', 'PRI', '', 'GET /', 'GE T', 'G\r\nET', 'G'.repeat(33)])(
  'ATTACKS 22: the method %j is refused',
  (method) => expect(parse({ method })).toEqual(refusal()),
);

test('methods have one spelling', () => expect(parsed({ method: 'patch' }).method).toBe('PATCH'));

describe('ATTACKS 26: a query parameter is replaced, not repeated', () => {
  const query = (url: string, map: Record<string, string> = {}) => joinText(parsed({ url, query: map }).query);

  test('by the query map', () => {
    expect(query('https://a.example/?key=mine&x=1', { key: '{{CREDENTIAL}}' })).toBe('x=1&key={{CREDENTIAL}}');
    expect(query('https://a.example/?k%65y=mine&key=2', { key: '{{CREDENTIAL}}' })).toBe('key={{CREDENTIAL}}');
    expect(query('https://a.example/?a+b=1', { 'a b': '2' })).toBe('a%20b=2');
  });

  test('by the one in the URL that carries the placeholder', () => {
    expect(query('https://a.example/?key={{CREDENTIAL}}&key=mine')).toBe('key={{CREDENTIAL}}');
    expect(query('https://a.example/?key=mine&key={{CREDENTIAL}}')).toBe('key={{CREDENTIAL}}');
  });

  test('others keep their order and may repeat', () =>
    expect(query('https://a.example/?b=1&a=2&b=3&c')).toBe('b=1&a=2&b=3&c'));
});

describe('ATTACKS 27: one template names one credential', () => {
  test.each([
    '{{CREDENTIAL.Key}}',
    '{{CREDENTIAL.}}',
    '{{CREDENTIAL.a.b}}',
    '{{OTHER}}',
    '{{ CREDENTIAL }}',
    '{{credential}}',
    '{{OTHER_KEY.x-y}}',
  ])('%j is refused', (name) => {
    expect(parse({ headers: { ...GET.headers, 'X-Other': name } })).toEqual(refusal());
    expect(parse({ query: { other: name } })).toEqual(refusal());
    expect(parse({ url: `https://a.example/${name}` })).toEqual(refusal());
    expect(parse({ method: 'POST', body: `{{CREDENTIAL}} ${name}` })).toEqual(refusal());
    expect(parse({ method: 'POST', body: { a: ['{{CREDENTIAL}}', name] } })).toEqual(refusal());
  });

  test.each(['{{name}}', '{{#each items}}', '{{ Name }}', '{CREDENTIAL}', '{{{{', '{{}}'])(
    '%j is plain text',
    (text) => {
      expect(parsed({ method: 'POST', body: text }).body).toEqual({
        encoding: 'text',
        text: { literals: [text], slots: [] },
      });
    },
  );
});

describe('bodies', () => {
  test('an object is JSON, and says so', () => {
    const template = parsed({ method: 'POST', body: { a: { b: ['{{CREDENTIAL}}'] } } });
    expect(template.body).toEqual({ encoding: 'json', text: { literals: ['{"a":{"b":["', '"]}}'], slots: [''] } });
    expect(template.headers).toContainEqual(['content-type', { literals: ['application/json'], slots: [] }]);
  });

  test('a content type of the template is kept', () => {
    const template = parsed({ headers: { 'Content-Type': 'application/vnd.api+json' }, body: { a: '{{CREDENTIAL}}' } });
    expect(template.headers).toEqual([['Content-Type', { literals: ['application/vnd.api+json'], slots: [] }]]);
    expect(parse({ headers: { 'Content-Type': 'text/plain' }, body: { a: '{{CREDENTIAL}}' } })).toEqual(refusal());
  });

  test.each([
    ['application/json', '{"a":"{{CREDENTIAL}}"}', 'json'],
    ['application/problem+json', '"{{CREDENTIAL}}"', 'json'],
    ['application/x-ndjson', '{"a":"{{CREDENTIAL}}"}\n{"b":1}\n', 'json'],
    ['application/x-www-form-urlencoded', 'a=1&b={{CREDENTIAL}}', 'form'],
    ['text/plain', 'key: {{CREDENTIAL}}', 'text'],
    ['application/xml', '<key>{{CREDENTIAL}}</key>', 'text'],
  ])('a %s text is filled as %s → %s', (type, body, encoding) =>
    expect(parsed({ method: 'POST', headers: { 'content-type': type }, body }).body).toMatchObject({ encoding }),
  );

  test('body and body_base64 exclude each other', () =>
    expect(parse({ body: 'x', body_base64: 'eA==' })).toEqual(refusal()));
  test('body_base64 is bytes', () =>
    expect(parsed({ body_base64: '/wA=' }).body).toEqual({ bytes: Buffer.from([0xff, 0]) }));
  test.each(['*', 'a', 'YQ', 'YQ=', 'YQ==\n', '_w=='])('body_base64 %j is refused', (text) =>
    expect(parse({ body_base64: text })).toEqual(refusal()),
  );
  test('a HEAD request has no body', () => expect(parse({ method: 'HEAD', body: 'x' })).toEqual(refusal()));
  test('half a character is refused', () => expect(parse({ method: 'POST', body: '\ud800' })).toEqual(refusal()));
  test('JSON nested without end is refused', () =>
    expect(parse({ ...POST_JSON, body: `"{{CREDENTIAL}}"`.padStart(100, '[').padEnd(184, ']') })).toEqual(refusal()));
});

test('ATTACKS 36: a body past the limit is refused as too large, text, object or base64', () => {
  const long = 'x'.repeat(5 * 1_048_576 + 1);
  expect(parse({ body: long })).toEqual(refusal('payload_too_large'));
  expect(parse({ body: [long] })).toEqual(refusal('payload_too_large'));
  expect(parse({ body_base64: Buffer.from(long).toString('base64') })).toEqual(refusal('payload_too_large'));
});

test('P: a refusal quotes nothing of the request but a header name', () => {
  const canary = 'c4n4ry';
  const anything = fc
    .oneof(fc.string(), fc.constantFrom('\r\n', '{{CREDENTIAL}}', '{{OTHER}}', '{{ credential }}', '%', '\\'))
    .map((s) => s + canary);
  fc.assert(
    fc.property(anything, anything, anything, anything, (method, url, value, body) => {
      for (const change of [
        { method },
        { url },
        { url: `https://a.example/?${url}` },
        { headers: { a: value } },
        { query: { a: value } },
        { body },
      ]) {
        const template = parse(change);
        expect(template.ok ? '' : template.detail).not.toContain(canary);
      }
    }),
  );
});

test.each([
  ['application/x-www-form-urlencoded', 'a=%{{CREDENTIAL}}'],
  ['application/x-www-form-urlencoded', 'a=%4{{CREDENTIAL}}'],
  ['application/x-ndjson', '{"a":"\\{{CREDENTIAL}}"}'],
  ['application/x-ndjson', '{"a":"\\u00{{CREDENTIAL}}"}'],
])('half an escape before a placeholder is refused: %s %s', (type, body) => {
  const read = parse({ method: 'POST', headers: { 'content-type': type }, body });
  expect(read).toMatchObject({ ok: false, code: 'template_refused' });
});

test('a whole escape before a placeholder is none of our business', () => {
  for (const [type, body] of [
    ['application/x-www-form-urlencoded', 'a=%41{{CREDENTIAL}}'],
    ['application/x-ndjson', '{"a":"\\\\{{CREDENTIAL}}"}'],
  ] as const) {
    expect(parse({ method: 'POST', headers: { 'content-type': type }, body })).toMatchObject({ ok: true });
  }
});
