import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { constantTimeEqual, type KeyedTokenKind, mintKeyedToken, readKeyedToken } from './keyed-token.js';

const macKey = Buffer.alloc(32, 1);
const tenantId = '0198a000-0000-7000-8000-00000000000a';
const id = '0198a000-0000-7000-8000-00000000000b';
const mint = (kind: KeyedTokenKind = 'sk', random = randomBytes as (n: number) => Buffer) =>
  mintKeyedToken({ kind, tenantId, id, macKey, random });

test('a minted token reads back as what it was minted for', () => {
  for (const kind of ['sk', 'ak', 'ms'] as const) {
    const { token, secretHash } = mint(kind);
    expect(token).toMatch(new RegExp(`^chy_${kind}_[A-Za-z0-9_-]{107}$`));
    expect(readKeyedToken(token, macKey)).toEqual({ kind, tenantId, id, secretHash });
  }
});

test('the hash is that of the secret alone, and the token carries the secret once', () => {
  const { token, secretHash } = mint('ak', (n) => Buffer.alloc(n, 9));
  expect(secretHash).toEqual(createHash('sha256').update(Buffer.alloc(32, 9)).digest());
  expect(Buffer.from(token.slice(7), 'base64url').subarray(32, 64)).toEqual(Buffer.alloc(32, 9));
});

test('a key of one kind is no key of another', () => {
  const { token } = mint('ak');
  expect(readKeyedToken(token.replace('chy_ak_', 'chy_sk_'), macKey)).toBeNull();
  expect(readKeyedToken(token.replace('chy_ak_', 'chy_ms_'), macKey)).toBeNull();
});

test('another deployment does not know the token', () => {
  expect(readKeyedToken(mint().token, Buffer.alloc(32, 2))).toBeNull();
});

test('any flipped bit and any other spelling of the same bytes is refused', () => {
  const { token } = mint();
  const bytes = Buffer.from(token.slice(7), 'base64url');
  fc.assert(
    fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const bent = Buffer.from(bytes);
      bent[bit >> 3]! ^= 1 << (bit & 7);
      expect(readKeyedToken(`chy_sk_${bent.toString('base64url')}`, macKey)).toBeNull();
    }),
  );
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(token.at(-1)!);
  for (let slack = 1; slack < 4; slack += 1) {
    const respelled = token.slice(0, -1) + alphabet[last + slack];
    expect(Buffer.from(respelled.slice(7), 'base64url')).toEqual(bytes);
    expect(readKeyedToken(respelled, macKey)).toBeNull();
  }
});

test('nothing that is not a token makes it throw', () => {
  const { token } = mint();
  for (const text of [
    '',
    'chy_',
    token + 'A',
    token.slice(0, -1),
    ` ${token}`,
    `${token}\n`,
    token.replace('sk', 'xx'),
  ]) {
    expect(readKeyedToken(text, macKey)).toBeNull();
  }
  fc.assert(fc.property(fc.string(), (text) => readKeyedToken(text, macKey) === null));
});

test('an id in another form is a programming error, not a token', () => {
  expect(() => mintKeyedToken({ kind: 'sk', tenantId: 'ten_x', id, macKey })).toThrow('UUID');
  expect(() => mintKeyedToken({ kind: 'sk', tenantId, id: id.toUpperCase(), macKey })).toThrow('UUID');
});

test('constantTimeEqual compares contents, and unequal lengths without throwing', () => {
  expect(constantTimeEqual(Buffer.from('ab'), Buffer.from('ab'))).toBe(true);
  expect(constantTimeEqual(Buffer.from('ab'), Buffer.from('ac'))).toBe(false);
  expect(constantTimeEqual(Buffer.from('ab'), Buffer.from('abc'))).toBe(false);
});
