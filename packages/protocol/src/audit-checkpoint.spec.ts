import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import {
  type Checkpoint,
  checkpointOrigin,
  formatCheckpoint,
  parseCheckpoint,
  readCheckpointNote,
  signCheckpoint,
  verifyCheckpointNote,
} from './audit-checkpoint.js';
import { signNote } from './signed-note.js';

const TENANT = 'ten_0190a0a0a0a07000800000000000000a';
const secret = new Uint8Array(32).fill(5);
const signer = {
  name: checkpointOrigin(TENANT),
  publicKey: ed25519.getPublicKey(secret),
  sign: (bytes: Uint8Array) => ed25519.sign(bytes, secret),
};
const checkpoint: Checkpoint = { tenant: TENANT, seq: 42, hash: 'ab'.repeat(32), at: '2026-11-22T07:30:00.000Z' };
const body = formatCheckpoint(checkpoint);

test('the text is origin, position, hash and time, a line each', () => {
  expect(body).toBe(
    `chancery/audit/${TENANT}\n42\nq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n2026-11-22T07:30:00.000Z\n`,
  );
});

test('any checkpoint goes there and back', () => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
  const any = fc.record({
    tenant: hex(32).map((id) => `ten_${id}`),
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    hash: hex(64),
    at: fc
      .date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString()),
  });
  fc.assert(
    fc.property(any, (one) => {
      expect(parseCheckpoint(formatCheckpoint(one))).toEqual(one);
    }),
  );
});

test.each([
  ['nothing', ''],
  ['another origin', body.replace('chancery', 'chancers')],
  ['no tenant', body.replace(TENANT, 'ten_')],
  ['seq 0', body.replace('42', '0')],
  ['a leading zero', body.replace('42', '042')],
  ['a seq past 2^53', body.replace('42', '9007199254740993')],
  ['a hash of unused bits', body.replace('q6s=', 'q6t=')],
  ['a hash of 31 bytes', body.replace('q6s=', 'qw==')],
  ['no time', body.replace('2026-11-22T07:30:00.000Z\n', '')],
  ['a time of another form', body.replace('.000Z', 'Z')],
  ['one more line', `${body}more\n`],
  ['no final newline', body.slice(0, -1)],
])('parseCheckpoint refuses %s', (_, text) => {
  expect(parseCheckpoint(text)).toBeUndefined();
});

test.each<[string, Partial<Checkpoint>]>([
  ['seq 0', { seq: 0 }],
  ['seq 1.5', { seq: 1.5 }],
  ['a hash in capitals', { hash: 'AB'.repeat(32) }],
  ['a tenant with a newline', { tenant: `${TENANT}\n` }],
  ['no time', { at: '' }],
])('formatCheckpoint refuses %s', (_, wrong) => {
  expect(() => formatCheckpoint({ ...checkpoint, ...wrong })).toThrow(RangeError);
});

test('a signed checkpoint verifies under its key only, and only as it was signed', async () => {
  const note = await signCheckpoint(checkpoint, signer);
  expect(verifyCheckpointNote(note, signer)).toEqual({ ok: true, checkpoint });
  const altered = note.replace('\n42\n', '\n43\n');
  expect(verifyCheckpointNote(altered, signer)).toEqual({ ok: false, reason: 'signature' });
  expect(readCheckpointNote(altered)).toEqual({ ...checkpoint, seq: 43 });
  const stranger = { ...signer, publicKey: ed25519.getPublicKey(new Uint8Array(32).fill(6)) };
  expect(verifyCheckpointNote(note, stranger)).toEqual({ ok: false, reason: 'unknown_key' });
  expect(verifyCheckpointNote('nothing', signer)).toEqual({ ok: false, reason: 'malformed' });
  expect(readCheckpointNote('nothing')).toBeUndefined();
});

test('a good signature over something else is no checkpoint', async () => {
  expect(verifyCheckpointNote(await signNote('hello\n', signer), signer)).toEqual({ ok: false, reason: 'body' });
});
