import { randomBytes } from 'node:crypto';
import { Secret as OtpSecret, TOTP } from 'otpauth';
import { Secret } from './secret.js';

// What every authenticator app can do (RFC 6238 with the defaults of the otpauth URI).
const SETTINGS = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
const SECRET_BYTES = 20;
const WINDOW_STEPS = 1;

export function newTotpSecret(random: (bytes: number) => Buffer = randomBytes): Secret {
  return new Secret(random(SECRET_BYTES));
}

/** The URI an authenticator app scans. It contains the secret: show it once, store it nowhere. */
export function otpauthUri(o: { secret: Secret; issuer: string; account: string }): string {
  return new TOTP({ ...SETTINGS, secret: lend(o.secret), issuer: o.issuer, label: o.account }).toString();
}

/**
 * The time step the code belongs to (one step of clock error either way), or null. The caller must refuse a step that is
 * not after the member's last one: a code is good once (RFC 6238, 5.2).
 */
export function matchTotpStep(o: { secret: Secret; code: string; now: Date }): number | null {
  if (!/^[0-9]{6}$/.test(o.code)) return null;
  const timestamp = o.now.getTime();
  const secret = lend(o.secret);
  const delta = TOTP.validate({ ...SETTINGS, secret, token: o.code, timestamp, window: WINDOW_STEPS });
  secret.bytes.fill(0);
  return delta === null ? null : TOTP.counter({ period: SETTINGS.period, timestamp }) + delta;
}

function lend(secret: Secret): OtpSecret {
  return new OtpSecret({ buffer: new Uint8Array(secret.bytes).buffer });
}
