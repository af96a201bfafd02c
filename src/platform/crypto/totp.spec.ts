import { HOTP, Secret as OtpSecret, URI } from 'otpauth';
import { Secret } from './secret.js';
import { matchTotpStep, newTotpSecret, otpauthUri } from './totp.js';

const rfcSecret = () => Secret.fromUtf8('12345678901234567890');
const codeAt = (step: number) => HOTP.generate({ secret: OtpSecret.fromUTF8('12345678901234567890'), counter: step });
const atSecond = (second: number) => new Date(second * 1000);

// RFC 6238, appendix B, the last six of its eight digits.
test.each([
  [59, '287082'],
  [1111111109, '081804'],
  [1111111111, '050471'],
  [1234567890, '005924'],
  [2000000000, '279037'],
])('RFC 6238: at %i s the code is %s', (second, code) => {
  expect(matchTotpStep({ secret: rfcSecret(), code, now: atSecond(second) })).toBe(Math.floor(second / 30));
});

test('one step of clock error either way is accepted and names its own step; two are not', () => {
  const now = atSecond(1000 * 30 + 7);
  const match = (step: number) => matchTotpStep({ secret: rfcSecret(), code: codeAt(step), now });
  expect([998, 999, 1000, 1001, 1002].map(match)).toEqual([null, 999, 1000, 1001, null]);
});

test('a code matches the same step whenever it is given, so a used step is recognised', () => {
  const code = codeAt(1000);
  const early = matchTotpStep({ secret: rfcSecret(), code, now: atSecond(999 * 30) });
  const late = matchTotpStep({ secret: rfcSecret(), code, now: atSecond(1001 * 30 + 29) });
  expect([early, late]).toEqual([1000, 1000]);
});

test('what is not six digits is no code', () => {
  const now = atSecond(59);
  for (const code of ['', '28708', '2870820', ' 287082', '287082\n', '２８７０８２', '-28708', '2870e1']) {
    expect(matchTotpStep({ secret: rfcSecret(), code, now })).toBeNull();
  }
});

test('the URI carries the settings, and an app that reads it makes codes we accept', () => {
  const secret = newTotpSecret();
  expect(secret.bytes).toHaveLength(20);
  const uri = otpauthUri({ secret, issuer: 'Chancery (acme)', account: 'ann+1@acme.test' });
  expect(uri).toMatch(/^otpauth:\/\/totp\/Chancery%20\(acme\):ann%2B1%40acme\.test\?/);
  const read = URI.parse(uri);
  expect(read).toMatchObject({
    issuer: 'Chancery (acme)',
    label: 'ann+1@acme.test',
    algorithm: 'SHA1',
    digits: 6,
    period: 30,
  });
  const code = read.generate({ timestamp: 90_000 });
  expect(matchTotpStep({ secret, code, now: atSecond(90) })).toBe(3);
});

test('matching leaves the secret as it was', () => {
  const secret = rfcSecret();
  matchTotpStep({ secret, code: '000000', now: atSecond(0) });
  expect(secret.bytes.toString()).toBe('12345678901234567890');
});
