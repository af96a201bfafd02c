import fc from 'fast-check';
import { Secret } from '../platform/crypto/secret.js';
import { type FieldShape, FIELD_NAME, fieldsOf, sealedForm, slotsOf } from './credential-fields.js';
import { OpenedCredential } from './opened-credential.js';

const secret = (text: string) => Secret.fromUtf8(text);
const ACCOUNT: FieldShape = { username: 'public', password: 'secret' };
const open = (fields: Record<string, string>, shape: FieldShape) => OpenedCredential.from(sealedForm(fields), shape);
const read = (opened: OpenedCredential, slot: string) => opened.bytesFor(slot).toString();
const looked = (opened: OpenedCredential) => opened.secrets.map(({ bytes }) => bytes.toString());

test('one value stands for {{CREDENTIAL}} and is looked for in answers', () => {
  const opened = OpenedCredential.from(secret('sk-live-0123456789'), null);
  expect(read(opened, '')).toBe('sk-live-0123456789');
  expect(looked(opened)).toEqual(['sk-live-0123456789']);
  expect(() => opened.bytesFor('password')).toThrow('slots the credential has');
});

test('fields stand for themselves and for Basic; what is public is not looked for, what it is joined to is', () => {
  const opened = open({ username: 'bot', password: 'p:ä-0123456789abcdef' }, ACCOUNT);
  const joined = 'bot:p:ä-0123456789abcdef';
  const basic = Buffer.from(joined).toString('base64');
  expect(['username', 'password', 'basic'].map((slot) => read(opened, slot))).toEqual([
    'bot',
    'p:ä-0123456789abcdef',
    basic,
  ]);
  expect(looked(opened)).toEqual(['p:ä-0123456789abcdef', joined, basic]);
  expect(() => opened.bytesFor('')).toThrow('slots the credential has');
});

test('a user name alone makes Basic with an empty password, as APIs with one key take it', () => {
  const opened = open({ username: 'sk_live_0123456789' }, { username: 'secret' });
  expect(read(opened, 'basic')).toBe(Buffer.from('sk_live_0123456789:').toString('base64'));
  expect([...slotsOf({ username: 'secret' })]).toEqual(['username', 'basic']);
  expect([...slotsOf({ token: 'secret' })]).toEqual(['token']);
  expect([...slotsOf(null)]).toEqual(['']);
});

test('a user name and a password that are both public make a Basic nobody looks for', () => {
  const shape: FieldShape = { ...ACCOUNT, password: 'public', key: 'secret' };
  expect(looked(open({ username: 'a', password: 'b', key: 'sk-0123456789abcdef' }, shape))).toEqual([
    'sk-0123456789abcdef',
  ]);
});

test('everything is zeroed, the plaintext it was read from at once', () => {
  const plaintext = sealedForm({ username: 'bot', password: 'sk-0123456789abcdef' });
  const opened = OpenedCredential.from(plaintext, ACCOUNT);
  expect(plaintext.isZeroed).toBe(true);
  const all = [...opened.secrets];
  opened.zero();
  expect(all.every(({ isZeroed }) => isZeroed)).toBe(true);
  expect(() => opened.bytesFor('username')).toThrow('zeroed');
});

test.each([
  ['a plain value', secret('sk-live-0123456789')],
  ['JSON of another kind', secret('{"username":"a","password":"b"}')],
  ['another format', secret('{"fields":{"password":"b","username":"a"},"format":"chancery/credential-fields/v2"}')],
  ['a field too few', sealedForm({ username: 'a' })],
  ['a field too many', sealedForm({ username: 'a', password: 'b', more: 'c' })],
  ['no text', secret('{"fields":{"password":1,"username":"a"},"format":"chancery/credential-fields/v1"}')],
  ['null', secret('null')],
])('%s is not taken for fields, and the error quotes nothing of it', (_, plaintext) => {
  expect(() => OpenedCredential.from(plaintext, ACCOUNT)).toThrow('the sealed fields are not those of their version');
  expect(plaintext.isZeroed).toBe(true);
});

test('a plain value that looks like sealed fields stays a plain value', () => {
  const text = sealedForm({ username: 'a', password: 'b' }).bytes.toString();
  expect(read(OpenedCredential.from(secret(text), null), '')).toBe(text);
});

test('P: any fields come back as they were stored', () => {
  const name = fc.stringMatching(FIELD_NAME);
  const text = fc.string({ unit: 'grapheme', minLength: 1 });
  fc.assert(
    fc.property(fc.dictionary(name, text, { minKeys: 1, maxKeys: 16 }), (fields) => {
      const shape = Object.fromEntries(Object.keys(fields).map((key) => [key, 'secret' as const]));
      const back = [...fieldsOf(sealedForm(fields), shape)].map(([key, value]) => [key, value.bytes.toString()]);
      expect(Object.fromEntries(back)).toEqual({ ...fields });
    }),
  );
});
