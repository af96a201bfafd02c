/** RFC 1035: a name has at most 253 characters, a label at most 63. */
const HOSTNAME_CHARS_MAX = 253;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A last label that a resolver or URL parser would read as part of an IPv4 number (`1`, `0x7f`), WHATWG "ends in a number". */
const NUMBER_LABEL = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/** True for a canonical DNS name: lower case, letters, digits and hyphens, no trailing dot, nothing that can be read as an IP address. */
export function isHostname(host: string): boolean {
  if (host.length === 0 || host.length > HOSTNAME_CHARS_MAX) return false;
  const labels = host.split('.');
  return labels.every((label) => LABEL.test(label)) && !NUMBER_LABEL.test(labels.at(-1) as string);
}
