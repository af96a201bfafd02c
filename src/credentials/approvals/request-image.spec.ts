import {
  BODY_PREVIEW_BYTES_MAX,
  type BoundTo,
  MASK,
  previewOf,
  requestHash,
  type RequestImage,
} from './request-image.js';

const id = (digit: string): string => `0192f0c1-a2b3-7c4d-8e9f-00112233445${digit}`;
const binding = { allowed_domains: ['api.example'], ports: [443], cleartext: false };
const bound: BoundTo = { agentId: id('0'), credentialId: id('1'), version: 1, binding };
const bytes = (text: string): Buffer => Buffer.from(text);
const image: RequestImage = {
  method: 'POST',
  url: 'https://api.example/pay?to={{CREDENTIAL.username}}',
  headers: [
    ['Authorization', 'Bearer {{CREDENTIAL}}'],
    ['x-note', 'hello'],
  ],
  body: { bytes: bytes('{"key":"{{CREDENTIAL}}","amount":1}'), encoding: 'json' },
};
const body = (text: string, encoding = 'json'): RequestImage => ({ ...image, body: { bytes: bytes(text), encoding } });

test.each<[string, RequestImage, BoundTo]>([
  ['method', { ...image, method: 'PUT' }, bound],
  ['URL', { ...image, url: `${image.url}&x=1` }, bound],
  ['a header’s value', { ...image, headers: [image.headers[0] ?? ['', ''], ['x-note', 'hello.']] }, bound],
  ['another header', { ...image, headers: [...image.headers, ['x-more', '']] }, bound],
  [
    'the place of the credential',
    {
      ...image,
      headers: [
        ['x-key', 'Bearer {{CREDENTIAL}}'],
        ['x-note', 'hello'],
      ],
    },
    bound,
  ],
  ['one byte of the body', body('{"key":"{{CREDENTIAL}}","amount":2}'), bound],
  ['how the credential is written in the body', body('{"key":"{{CREDENTIAL}}","amount":1}', 'text'), bound],
  ['no body', { ...image, body: null }, bound],
  ['the agent', image, { ...bound, agentId: id('2') }],
  ['the credential', image, { ...bound, credentialId: id('2') }],
  ['its version', image, { ...bound, version: 2 }],
  ['its binding', image, { ...bound, binding: { ...binding, ports: [443, 8443] } }],
])('%s is part of what is approved', (_, other, to) => {
  expect(requestHash(other, to)).not.toBe(requestHash(image, bound));
});

test('how header names are written and ordered is not', () => {
  const headers = [...image.headers].reverse().map(([name, value]) => [name.toUpperCase(), value] as const);
  expect(requestHash({ ...image, headers }, bound)).toBe(requestHash(image, bound));
});

test('the hash is the one this form has always had', () => {
  expect(requestHash(image, bound)).toBe('2a342ab0a7ae2d5ce3bca931efc795620c5b731036a43378915774a940e44ed4');
});

test('a header that is no well-formed text is hashed as the bytes it is sent as', () => {
  expect(requestHash({ ...image, headers: [['x', '\ud800']] }, bound)).toMatch(/^[0-9a-f]{64}$/);
});

test('the approver sees everything, with a mask at each place of the credential', () => {
  expect(previewOf(image)).toMatchObject({
    method: 'POST',
    url: `https://api.example/pay?to=${MASK}`,
    headers: [
      ['Authorization', `Bearer ${MASK}`],
      ['x-note', 'hello'],
    ],
    body: { text: `{"key":"${MASK}","amount":1}`, bytes: 35, truncated: false },
  });
});

test('a long body is cut between two characters, and its length and hash are those of the whole', () => {
  const long = 'é'.repeat(BODY_PREVIEW_BYTES_MAX / 2) + 'more';
  const shifted = previewOf(body(`x${long}`)).body;
  expect(shifted).toMatchObject({ truncated: true, bytes: BODY_PREVIEW_BYTES_MAX + 5 });
  expect(shifted?.text).toBe(`x${'é'.repeat(BODY_PREVIEW_BYTES_MAX / 2 - 1)}`);
  expect(shifted?.sha256).not.toBe(previewOf(body(long)).body?.sha256);
});

test('bytes that are no text are shown in base64', () => {
  const preview = previewOf({ ...image, body: { bytes: Buffer.of(0xff, 0x00), encoding: 'bytes' } });
  expect(preview.body).toMatchObject({ base64: '/wA=', bytes: 2 });
});
