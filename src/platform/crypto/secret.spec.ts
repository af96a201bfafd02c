import { format, inspect } from 'node:util';
import { Secret } from './secret.js';

const CANARY = 'sk-canary-1234567890';

test('P1: a secret prints [secret] in every way a program prints', () => {
  const secret = Secret.fromUtf8(CANARY);
  const printed = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret, list: [secret] }),
    inspect(secret),
    inspect({ deep: { secret } }, { depth: null, showHidden: true, getters: true }),
    format('%s %o %O %j', secret, secret, secret, secret),
    new Error(`failed with ${secret}`, { cause: secret }).message,
    inspect(new Error('x', { cause: secret })),
    JSON.stringify(Object.entries(secret)) + JSON.stringify({ ...secret }),
  ].join('\n');
  expect(printed).not.toContain(CANARY);
  expect(printed).not.toContain(Buffer.from(CANARY).toString('hex').slice(0, 12));
  expect(printed).toContain('[secret]');
});

test('zero() wipes the bytes in place, and any later use throws', () => {
  const owned = Buffer.from(CANARY);
  const secret = new Secret(owned);
  const copy = secret.copy();
  secret.zero();
  secret.zero();
  expect(owned.every((byte) => byte === 0)).toBe(true);
  expect(secret.isZeroed).toBe(true);
  expect(() => secret.bytes).toThrow('zeroed');
  expect(() => secret.copy()).toThrow('zeroed');
  expect(copy.bytes.toString()).toBe(CANARY);
  expect(`${secret}`).toBe('[secret]');
});

test('fromUtf8 owns an allocation of its own, not a slice of the shared pool', () => {
  const secret = Secret.fromUtf8('pässword');
  expect(secret.bytes.toString('utf8')).toBe('pässword');
  expect(secret.bytes.buffer.byteLength).toBe(secret.bytes.length);
});
