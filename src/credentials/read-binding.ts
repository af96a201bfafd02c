import type { Binding } from './binding.js';
import { cleartextRefused, domainsRefused, domainsRequired } from './credentials.errors.js';
import { parseDomainPattern } from './domain-pattern.js';

export interface BindingInput {
  readonly allowedDomains: readonly string[];
  readonly ports?: readonly number[];
  readonly cleartext?: boolean;
}

const DEFAULT_PORTS = [443];

/** Turns what a tenant wrote into the binding that is hashed, in one canonical form, or says what is wrong with it. */
export function readBinding(input: BindingInput, production: boolean): Binding {
  const cleartext = input.cleartext ?? false;
  if (production && cleartext) throw cleartextRefused();
  if (production && input.allowedDomains.length === 0) throw domainsRequired();
  const issues: { path: string; message: string }[] = [];
  const patterns = new Set<string>();
  input.allowedDomains.forEach((text, index) => {
    const parsed = parseDomainPattern(text);
    if (parsed.ok) patterns.add(parsed.pattern);
    else issues.push({ path: `allowed_domains.${index}`, message: parsed.message });
  });
  if (issues.length > 0) throw domainsRefused(issues);
  const ports = [...new Set(input.ports ?? DEFAULT_PORTS)].sort((a, b) => a - b);
  return { allowed_domains: [...patterns].sort(), ports, cleartext };
}
