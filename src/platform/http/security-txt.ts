const DAY_MS = 24 * 60 * 60 * 1000;
/** RFC 9116 recommends less than a year; whoever reads it later than this asks again. */
const VALID_DAYS = 90;

/**
 * Where to report a vulnerability of this deployment: https://www.rfc-editor.org/rfc/rfc9116. Without a contact of the
 * operator's own, the policy page says where.
 */
export function securityTxt({ origin, contact, now }: { origin: string; contact: string | null; now: Date }): string {
  const policy = `${origin}/security-policy`;
  const today = Math.floor(now.getTime() / DAY_MS);
  const fields = [
    ['Contact', contact ?? policy],
    ['Expires', new Date((today + VALID_DAYS) * DAY_MS).toISOString()],
    ['Policy', policy],
    ['Canonical', `${origin}/.well-known/security.txt`],
    ['Preferred-Languages', 'en'],
  ];
  return fields.map(([name, value]) => `${name}: ${value}\n`).join('');
}
