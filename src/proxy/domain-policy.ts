import type { Binding } from '../credentials/binding.js';
import { matches } from '../credentials/domain-pattern.js';
import type { Target } from './target.js';

export type DomainVerdict = 'allowed' | 'domain_not_allowed';

/** The domain check of the fixed order. It sees the parsed target and the binding, and never says which domains are allowed. */
export function decideDomain(binding: Binding, target: Pick<Target, 'scheme' | 'host' | 'port'>): DomainVerdict {
  const isUnrestricted = binding.allowed_domains.length === 0;
  const hostAllowed = isUnrestricted || binding.allowed_domains.some((pattern) => matches(pattern, target.host));
  const portAllowed = binding.ports.includes(target.port);
  const schemeAllowed = target.scheme === 'https' || binding.cleartext;
  return hostAllowed && portAllowed && schemeAllowed ? 'allowed' : 'domain_not_allowed';
}
