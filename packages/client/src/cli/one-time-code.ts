import { Secret, TOTP } from 'otpauth';

export const CODE_PERIOD_SECONDS = 30;

/** The code an authenticator app would show now (RFC 6238, six digits, 30 s). */
export function oneTimeCode(base32Secret: string, now: Date): string {
  const totp = new TOTP({ secret: Secret.fromBase32(base32Secret), digits: 6, period: CODE_PERIOD_SECONDS });
  return totp.generate({ timestamp: now.getTime() });
}

/** How long until the next code. */
export function nextCodeInMs(now: Date): number {
  const periodMs = CODE_PERIOD_SECONDS * 1000;
  return periodMs - (now.getTime() % periodMs);
}
