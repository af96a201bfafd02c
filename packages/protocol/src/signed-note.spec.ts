import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { fromBase64, toBase64 } from './base64.js';
import { toHex, utf8 } from './bytes.js';
import { formatVerifierKey, isNoteKeyName, type NoteKey, noteKeyId, parseVerifierKey } from './note-key.js';
import { parseNote, signNote, verifyNote } from './signed-note.js';

function keyOf(name: string, seed: number) {
  const secret = new Uint8Array(32).fill(seed);
  return { name, publicKey: ed25519.getPublicKey(secret), sign: (bytes: Uint8Array) => ed25519.sign(bytes, secret) };
}
const key = keyOf('example.com/log', 1);
const text = 'If you think cryptography is the answer,\n\nthen you do not know what the question is.\n';

/** The example of Go's golang.org/x/mod/sumdb/note, which C2SP signed-note describes. */
const GO_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const GO_NOTE = [
  'If you think cryptography is the answer to your problem,',
  "then you don't know what your problem is.",
  '',
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=',
  '',
].join('\n');

test('verifies the note of the Go implementation, under its verifier key', () => {
  const goKey = parseVerifierKey(GO_KEY)!;
  expect(goKey.name).toBe('PeterNeumann');
  expect(noteKeyId(goKey.name, goKey.publicKey)).toBe('c74f20a3');
  expect(formatVerifierKey(goKey)).toBe(GO_KEY);
  expect(verifyNote(GO_NOTE, goKey)).toEqual({ ok: true, text: GO_NOTE.slice(0, GO_NOTE.indexOf('\n\n') + 1) });
  expect(verifyNote(GO_NOTE.replace("don't", 'do'), goKey)).toEqual({ ok: false, reason: 'signature' });
});

test('what was signed verifies, and parses into its parts', async () => {
  const note = await signNote(text, key);
  expect(verifyNote(note, key)).toEqual({ ok: true, text });
  const parsed = parseNote(note)!;
  expect(parsed.text).toBe(text);
  expect(parsed.signatures).toHaveLength(1);
  expect(parsed.signatures[0]).toMatchObject({ name: key.name, keyId: noteKeyId(key.name, key.publicKey) });
});

test('lines by other keys are ignored, by name, by id, by both', async () => {
  const note = await signNote(text, key);
  const other = await signNote(text, keyOf('other.example', 2));
  const line = (from: string) => from.slice(from.lastIndexOf('\n\n') + 2);
  const sameName = line(await signNote(text, keyOf(key.name, 3)));
  const sameId = line(note).replace(key.name, 'someone.else');
  const crowd = `${text}\n${line(other)}${sameName}${sameId}${line(note)}`;
  expect(verifyNote(crowd, key)).toEqual({ ok: true, text });
  expect(verifyNote(other, key)).toEqual({ ok: false, reason: 'unknown_key' });
  expect(verifyNote(`${text}\n${sameName}${sameId}`, key)).toEqual({ ok: false, reason: 'unknown_key' });
});

test('one wrong line by the key refuses the note, beside a right one too', async () => {
  const note = await signNote(text, key);
  const wrong = await signNote(text, { ...key, sign: () => new Uint8Array(64) });
  expect(verifyNote(wrong, key)).toEqual({ ok: false, reason: 'signature' });
  expect(verifyNote(note + wrong.slice(wrong.lastIndexOf('\u2014')), key)).toEqual({ ok: false, reason: 'signature' });
});

test('no altered character of text or signature passes', async () => {
  const note = await signNote(text, key);
  fc.assert(
    fc.property(fc.nat(note.length - 1), fc.constantFrom('', 'A', '\n', ' ', '\u2014', '0'), (at, put) => {
      const altered = note.slice(0, at) + put + note.slice(at + 1);
      expect(verifyNote(altered, key).ok).toBe(altered === note);
    }),
    { numRuns: 150 },
  );
});

const signature = toBase64(new Uint8Array(68));
test.each([
  ['nothing', ''],
  ['no signature', 'text\n'],
  ['no blank line', `text\n\u2014 name ${signature}\n`],
  ['no final newline', `text\n\n\u2014 name ${signature}`],
  ['a hyphen for the dash', `text\n\n- name ${signature}\n`],
  ['two spaces', `text\n\n\u2014 name  ${signature}\n`],
  ['a name with a plus', `text\n\n\u2014 na+me ${signature}\n`],
  ['a name with a no-break space', `text\n\n\u2014 na\u00a0me ${signature}\n`],
  ['no padding', `text\n\n\u2014 name ${signature.replaceAll('=', '')}\n`],
  ['a signature of four bytes', `text\n\n\u2014 name AAAAAA==\n`],
  ['a carriage return', `text\r\n\n\u2014 name ${signature}\n`],
  ['a tab', `te\txt\n\n\u2014 name ${signature}\n`],
  ['half a surrogate', `te\ud800xt\n\n\u2014 name ${signature}\n`],
  ['a line that is no signature after one', `text\n\n\u2014 name ${signature}\nmore\n`],
  ['131 073 characters', `${'a'.repeat(131_073)}\n\n\u2014 name ${signature}\n`],
])('parseNote refuses %s', (_, note) => {
  expect(parseNote(note)).toBeUndefined();
  expect(verifyNote(note, key)).toEqual({ ok: false, reason: 'malformed' });
});

test('signNote refuses what could not be read again', async () => {
  await expect(signNote('no newline', key)).rejects.toThrow(RangeError);
  await expect(signNote('a\tb\n', key)).rejects.toThrow(RangeError);
  await expect(signNote('\udc00\n', key)).rejects.toThrow(RangeError);
  await expect(signNote('a\n', { ...key, name: 'a b' })).rejects.toThrow(RangeError);
  await expect(signNote('a\n', { ...key, sign: () => new Uint8Array(63) })).rejects.toThrow(RangeError);
});

test('a verifier key goes there and back, also with pluses in its base64', () => {
  for (let seed = 0; seed < 40; seed++) {
    const { name, publicKey } = keyOf('chancery/audit/ten_00000000000000000000000000000000', seed);
    expect(parseVerifierKey(formatVerifierKey({ name, publicKey }))).toEqual({ name, publicKey });
  }
});

const good = formatVerifierKey(key);
const [name, id, encoded] = good.split(/\+(?=[0-9a-f]{8}\+)|(?<=\+[0-9a-f]{8})\+/) as [string, string, string];
const smallOrder: NoteKey = { name, publicKey: ed25519.Point.ZERO.toBytes() };
const bytes = fromBase64(encoded)!;

test.each([
  ['nothing', ''],
  ['no name', `+${id}+${encoded}`],
  ['another name', `${name}x+${id}+${encoded}`],
  ['another id', `${name}+00000000+${encoded}`],
  ['an id in capitals', `${name}+${id.toUpperCase()}+${encoded}`],
  ['a shorter key', `${name}+${id}+${toBase64(bytes.subarray(0, 32))}`],
  ['another type', `${name}+${id}+${toBase64(Uint8Array.of(2, ...bytes.subarray(1)))}`],
  ['trailing white space', `${good}\n`],
  [
    'a key of small order',
    `${name}+${noteKeyId(name, smallOrder.publicKey)}+${toBase64(Uint8Array.of(1, ...smallOrder.publicKey))}`,
  ],
])('parseVerifierKey refuses %s', (_, value) => {
  expect(parseVerifierKey(good)).toBeDefined();
  expect(parseVerifierKey(value)).toBeUndefined();
});

test('formatVerifierKey refuses names and keys no verifier may have', () => {
  expect(() => formatVerifierKey({ ...key, name: 'a+b' })).toThrow(RangeError);
  expect(() => formatVerifierKey(smallOrder)).toThrow(RangeError);
  expect(['', ' ', 'a b', 'a\u2003b', 'a\u0085b', 'a+b', 'a\nb', 'a'.repeat(257)].some(isNoteKeyName)).toBe(false);
});

test('the key id is what the specification says', () => {
  expect(noteKeyId(key.name, key.publicKey)).toMatch(/^[0-9a-f]{8}$/);
  const message = Buffer.concat([utf8(key.name), Uint8Array.of(0x0a, 0x01), key.publicKey]);
  const { createHash } = jest.requireActual<typeof import('node:crypto')>('node:crypto');
  expect(noteKeyId(key.name, key.publicKey)).toBe(toHex(createHash('sha256').update(message).digest()).slice(0, 8));
});
