import { privateRange } from '../platform/outbound/address.js';
import { HTTP_TOKEN, isMethodUsable } from '../platform/outbound/message-rules.js';
import { type Binding, DEFAULT_PORTS, type Placement, PLACEMENTS } from './binding.js';
import { bindingRefused, cleartextRefused, domainsRefused, domainsRequired } from './credentials.errors.js';
import { parseDomainPattern } from './domain-pattern.js';
import { parsePathPrefix } from './path-prefix.js';

/** What is left out, or null, is not restricted. */
export interface BindingInput {
  readonly allowedDomains: readonly string[];
  readonly ports?: readonly number[] | undefined;
  readonly cleartext?: boolean | undefined;
  readonly methods?: readonly string[] | null | undefined;
  readonly pathPrefixes?: readonly string[] | null | undefined;
  readonly privateRanges?: readonly string[] | null | undefined;
  readonly placements?: readonly Placement[] | null | undefined;
}

/** Turns what a tenant wrote into the binding that is hashed, in one canonical form, or says what is wrong with it. */
export function readBinding(input: BindingInput, production: boolean): Binding {
  const cleartext = input.cleartext ?? false;
  if (production && cleartext) throw cleartextRefused();
  if (production && input.allowedDomains.length === 0) throw domainsRequired();
  const issues: Issue[] = [];
  const allowed_domains = readList('allowed_domains', input.allowedDomains, domain, issues);
  if (issues.length > 0) throw domainsRefused(issues);
  const ports = [...new Set(input.ports ?? DEFAULT_PORTS)].sort((a, b) => a - b);
  const further = {
    ...present('methods', input.methods, method, issues),
    ...present('path_prefixes', input.pathPrefixes, pathPrefix, issues),
    ...present('private_ranges', input.privateRanges, range, issues),
    ...present('placements', input.placements, placement, issues),
  };
  if (issues.length > 0) throw bindingRefused(issues);
  return { allowed_domains, ports, cleartext, ...further };
}

type Issue = { readonly path: string; readonly message: string };
type Read<T extends string> = (text: string) => { ok: true; stored: T } | { ok: false; message: string };

const domain: Read<string> = (text) => {
  const parsed = parseDomainPattern(text);
  return parsed.ok ? { ok: true, stored: parsed.pattern } : parsed;
};

const method: Read<string> = (text) => {
  const stored = text.toUpperCase();
  if (!HTTP_TOKEN.test(stored)) return { ok: false, message: 'not an HTTP method' };
  return isMethodUsable(stored) ? { ok: true, stored } : { ok: false, message: 'cannot be used through Chancery' };
};

const pathPrefix: Read<string> = (text) => {
  const parsed = parsePathPrefix(text);
  return parsed.ok ? { ok: true, stored: parsed.prefix } : parsed;
};

const range: Read<string> = (text) => {
  const stored = privateRange(text);
  return stored === null
    ? { ok: false, message: 'not a CIDR range of private addresses, such as 10.20.0.0/16' }
    : { ok: true, stored };
};

const placement: Read<Placement> = (text) => {
  const stored = PLACEMENTS.find((one) => one === text);
  return stored === undefined ? { ok: false, message: `not one of ${PLACEMENTS.join(', ')}` } : { ok: true, stored };
};

function readList<T extends string>(field: string, list: readonly string[], read: Read<T>, issues: Issue[]): T[] {
  const stored = new Set<T>();
  list.forEach((text, index) => {
    const one = read(text);
    if (one.ok) stored.add(one.stored);
    else issues.push({ path: `${field}.${index}`, message: one.message });
  });
  return [...stored].sort();
}

/** Absent where it is not set: see `Binding`. */
function present<K extends string, T extends string>(
  field: K,
  list: readonly string[] | null | undefined,
  read: Read<T>,
  issues: Issue[],
): { readonly [key in K]?: readonly T[] } {
  const stored: { [key in K]?: readonly T[] } = {};
  if (list !== null && list !== undefined) stored[field] = readList(field, list, read, issues);
  return stored;
}
