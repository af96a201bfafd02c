import ipaddr from 'ipaddr.js';

const IPV6_PREFIX_BITS = 64;

/** What one client can hardly leave: an IPv4 address, or the /64 that an IPv6 host may pick addresses from at will. */
export function clientNetwork(address: string | undefined): string {
  // A Unix socket has no address.
  if (!address) return 'local';
  if (!address.includes(':')) return address;
  const [bare] = address.split('%');
  if (!bare || !ipaddr.isValid(bare)) return address;
  const parsed = ipaddr.process(bare);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return ipaddr.IPv6.networkAddressFromCIDR(`${bare}/${IPV6_PREFIX_BITS}`).toString();
}
