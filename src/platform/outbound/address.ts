import ipaddr from 'ipaddr.js';

/**
 * `public`: may be dialled. `restricted`: only where the deployment's dial policy lists the range. `never`: whatever is listed
 * (cloud metadata, link-local, addresses that name no single host, and forms that hide another address).
 */
export type AddressClass = 'public' | 'restricted' | 'never';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const cidrs = (list: readonly string[]): [Address, number][] => list.map((cidr) => ipaddr.parseCIDR(cidr));

/** Metadata and host services of AWS, ECS, EKS, Alibaba, Oracle, Azure and Google. Some of them look public. */
const METADATA = cidrs([
  '169.254.0.0/16',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '168.63.129.16/32',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  'fe80::/10',
]);

/** RFC 4291, 2.4: what is assigned for global unicast. Everything outside is special in some way, now or later. */
const GLOBAL_UNICAST_V6 = cidrs(['2000::/3']);

const RESTRICTED_RANGES = new Set([
  'loopback',
  'private',
  'carrierGradeNat',
  'uniqueLocal',
  'reserved',
  'benchmarking',
]);

/** RFC 6052, 2.1. The well-known prefix of NAT64; the address it stands for is in the last four bytes. */
const NAT64 = cidrs(['64:ff9b::/96']);

/** The parsed address, or null for anything but the plain spelling of one (no octal, hexadecimal or short IPv4, no zone). */
export function parseAddress(text: string): Address | null {
  if (text.includes('%')) return null;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : null;
}

export function classifyAddress(text: string): AddressClass {
  const address = parseAddress(text);
  return address === null ? 'never' : classify(address);
}

function classify(address: Address): AddressClass {
  if (inAny(address, METADATA)) return 'never';
  const range = address.range() as string;
  if (RESTRICTED_RANGES.has(range)) return 'restricted';
  if (address instanceof ipaddr.IPv6 && inAny(address, NAT64)) {
    const embedded = new ipaddr.IPv4(address.toByteArray().slice(12));
    return classify(embedded) === 'public' ? 'restricted' : 'never';
  }
  if (range !== 'unicast') return 'never';
  return address instanceof ipaddr.IPv4 || inAny(address, GLOBAL_UNICAST_V6) ? 'public' : 'never';
}

export function inAny(address: Address, ranges: readonly [Address, number][]): boolean {
  return ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits));
}

/** Throws on anything that is no CIDR range; used while reading configuration. */
export const parseRanges = (list: readonly string[]): readonly [Address, number][] => cidrs(list);

/** The one spelling of a CIDR range of addresses that are not public, or null for anything else. */
export function privateRange(text: string): string | null {
  const [base = '', bits = '', ...rest] = text.split('/');
  const address = parseAddress(base);
  if (address === null || rest.length > 0 || !/^(?:0|[1-9][0-9]{0,2})$/.test(bits)) return null;
  if (Number(bits) > (address.kind() === 'ipv4' ? 32 : 128)) return null;
  const kind = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = kind.networkAddressFromCIDR(`${address.toString()}/${bits}`);
  return classify(network) === 'restricted' ? `${network.toString()}/${bits}` : null;
}

export function sameAddress(left: string, right: string): boolean {
  const [a, b] = [parseAddress(left), parseAddress(right)];
  return a !== null && b !== null && a.toNormalizedString() === b.toNormalizedString();
}
