import fc from 'fast-check';
import { render } from './render.js';
import { parseTemplate, type ExecuteRequest } from './template.js';

const HOSTILE = '"\\$&$1$$&/=?#%+ {{CREDENTIAL}}ü</key>';

function rendered(request: Partial<ExecuteRequest>, secret: Uint8Array | string = HOSTILE) {
  const template = parseTemplate({ method: 'POST', url: 'https://a.example/', ...request }, { allowCleartext: false });
  if (!template.ok) throw new Error(template.detail);
  return render(template.value, { bytesFor: () => Buffer.from(secret) });
}
function outbound(request: Partial<ExecuteRequest>, secret: Uint8Array | string = HOSTILE) {
  const outcome = rendered(request, secret);
  if (!outcome.ok) throw new Error(outcome.detail);
  return outcome.value;
}
const bodyOf = (request: Partial<ExecuteRequest>, secret?: Uint8Array | string) =>
  Buffer.from(outbound(request, secret).body as Uint8Array).toString();

describe('ATTACKS 24, 25: the secret is encoded for its place, in one pass', () => {
  test('header: the bytes as stored', () => {
    const [[name, value]] = outbound({ headers: { Authorization: 'Bearer {{CREDENTIAL}}.' } }).headers as [
      [string, string],
    ];
    expect(name).toBe('Authorization');
    expect(Buffer.from(value, 'latin1').toString('utf8')).toBe(`Bearer ${HOSTILE}.`);
  });

  test('path: one segment, whatever it holds', () => {
    const { path } = outbound({ url: 'https://a.example/bot{{CREDENTIAL}}/send' });
    expect(path.split('/')).toHaveLength(3);
    expect(decodeURIComponent(path.split('/')[1] as string)).toBe(`bot${HOSTILE}`);
  });

  test('query: one value, whatever it holds', () => {
    const { path } = outbound({ url: 'https://a.example/?a=1', query: { key: 'x{{CREDENTIAL}}', b: 'c&d' } });
    expect([...new URL(path, 'https://a.example').searchParams]).toEqual([
      ['a', '1'],
      ['key', `x${HOSTILE}`],
      ['b', 'c&d'],
    ]);
  });

  test('JSON: inside its string', () => {
    expect(JSON.parse(bodyOf({ body: { a: 'x{{CREDENTIAL}}', b: 1 } }))).toEqual({ a: `x${HOSTILE}`, b: 1 });
    const headers = { 'content-type': 'application/json' };
    expect(JSON.parse(bodyOf({ headers, body: '{"a": "{{CREDENTIAL}}"}' }))).toEqual({ a: HOSTILE });
  });

  test('form: one field, whatever it holds', () => {
    const body = bodyOf({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=1&b={{CREDENTIAL}}&c=2',
    });
    expect([...new URLSearchParams(body)]).toEqual([
      ['a', '1'],
      ['b', HOSTILE],
      ['c', '2'],
    ]);
  });

  test('text: the bytes as stored', () =>
    expect(bodyOf({ body: 'a{{CREDENTIAL}}b{{CREDENTIAL}}' })).toBe(`a${HOSTILE}b${HOSTILE}`));

  test('P: any secret comes back out of query, form, JSON, path and text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 3 }), (secret) => {
        fc.pre(!/^\.+$/.test(secret) && !/\p{Surrogate}/u.test(secret));
        expect(
          new URL(outbound({ query: { k: '{{CREDENTIAL}}' } }, secret).path, 'https://a.example').searchParams.get('k'),
        ).toBe(secret);
        expect(decodeURIComponent(outbound({ url: 'https://a.example/{{CREDENTIAL}}' }, secret).path)).toBe(
          `/${secret}`,
        );
        expect(JSON.parse(bodyOf({ body: ['{{CREDENTIAL}}'] }, secret))).toEqual([secret]);
        expect(bodyOf({ body: '{{CREDENTIAL}}' }, secret)).toBe(secret);
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        expect(new URLSearchParams(bodyOf({ headers, body: 'k={{CREDENTIAL}}' }, secret)).get('k')).toBe(secret);
      }),
    );
  });

  test('P: any bytes are sent as they are in text, and a header never carries a control character', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (secret) => {
        expect(Buffer.from(outbound({ body: '{{CREDENTIAL}}' }, secret).body as Uint8Array)).toEqual(
          Buffer.from(secret),
        );
        const header = rendered({ headers: { a: '{{CREDENTIAL}}' } }, secret);
        expect(header.ok ? header.value.headers[0]?.[1] : '').not.toMatch(/[\x00-\x08\x0a-\x1f\x7f]/);
      }),
    );
  });
});

test.each(['a\r\nHost: evil.com', 'a\n', 'a\rb', '\0', 'a\x7f'])(
  'ATTACKS 20: the secret %j is refused in a header, and not quoted',
  (secret) => {
    const outcome = rendered({ headers: { a: '{{CREDENTIAL}}' } }, secret);
    expect(outcome).toEqual({ ok: false, code: 'template_refused', detail: expect.not.stringContaining(secret) });
  },
);

test.each(['.', '..'])('ATTACKS 23: the secret %j may not become a dot segment', (secret) => {
  expect(rendered({ url: 'https://a.example/a/{{CREDENTIAL}}/b' }, secret).ok).toBe(false);
  expect(rendered({ url: 'https://a.example/a/x{{CREDENTIAL}}/b' }, secret).ok).toBe(true);
});

test('a secret that is no text is refused in JSON', () =>
  expect(rendered({ body: { a: '{{CREDENTIAL}}' } }, Buffer.from([0xff])).ok).toBe(false));

test('blanks around a header value go, bytes of its characters stay', () => {
  const [[, value]] = outbound({ headers: { a: ' {{CREDENTIAL}} ' } }, 'voilà').headers as [[string, string]];
  expect(Buffer.from(value, 'latin1').toString()).toBe('voilà');
});
