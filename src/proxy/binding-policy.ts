import type { Binding, Placement } from '../credentials/binding.js';
import type { Slot } from '../credentials/credential-fields.js';
import { coversPath } from '../credentials/path-prefix.js';
import { decideDomain } from './domain-policy.js';
import { joinText } from './placeholder.js';
import type { Target } from './target.js';
import type { ParsedTemplate } from './template.js';

/** What a binding is asked about: a request without its contents. */
export interface RequestFacts {
  readonly target: Pick<Target, 'scheme' | 'host' | 'port' | 'path'>;
  /** The method, and whatever a header asks the upstream to take instead of it. */
  readonly methods: readonly string[];
  /** A header asks the upstream to take another path. */
  readonly reroutes: boolean;
  readonly places: readonly Placement[];
  readonly slots: readonly Slot[];
}

export type BindingVerdict =
  'allowed' | 'domain_not_allowed' | 'request_method_not_allowed' | 'path_not_allowed' | 'placement_not_allowed';

/** In the order of the design; what a binding leaves out is not restricted. Never says what would be allowed (ATTACKS 35). */
export function decideBinding(binding: Binding, request: RequestFacts): BindingVerdict {
  if (decideDomain(binding, request.target) !== 'allowed') return 'domain_not_allowed';
  const { methods, path_prefixes: prefixes, placements } = binding;
  if (methods !== undefined && !request.methods.every((method) => methods.includes(method)))
    return 'request_method_not_allowed';
  if (prefixes !== undefined && (request.reroutes || !isUnder(prefixes, request.target.path)))
    return 'path_not_allowed';
  if (placements !== undefined && !request.places.every((place) => placements.includes(place)))
    return 'placement_not_allowed';
  return 'allowed';
}

const isUnder = (prefixes: readonly string[], path: string): boolean =>
  prefixes.some((prefix) => coversPath(prefix, path)) && !mayClimb(path);

const DECODINGS_MAX = 8;

/**
 * Whether a server that decodes more than it should could read dot segments: `%2F..%2F`, twice-encoded, with backslashes or with
 * path parameters (`..;`), or written longer than UTF-8 allows (`%C0%AE`). The canonical path has none of its own, and `%2F` in it stays data.
 */
export function mayClimb(path: string): boolean {
  let read = path;
  for (let decodings = 0; decodings < DECODINGS_MAX; decodings += 1) {
    const decoded = read.replace(/%([0-7][0-9A-F])/gi, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    if (decoded === read) break;
    read = decoded;
  }
  const segments = read.split(/[/\\]/).map((segment) => segment.replace(/[;\0].*$/s, ''));
  return /%(?:[0-7][0-9A-F]|C[01])/i.test(read) || segments.some((segment) => segment === '.' || segment === '..');
}

const METHOD_OVERRIDES = new Set(['x-http-method-override', 'x-http-method', 'x-method-override']);
const PATH_OVERRIDES = new Set(['x-original-url', 'x-rewrite-url']);

export function factsOf({ method, target, headers, places, slots }: ParsedTemplate): RequestFacts {
  const named = (names: ReadonlySet<string>) => headers.filter(([name]) => names.has(name.toLowerCase()));
  const overrides = named(METHOD_OVERRIDES).map(([, value]) => joinText(value).trim().toUpperCase());
  return { target, methods: [method, ...overrides], reroutes: named(PATH_OVERRIDES).length > 0, places, slots };
}

/** What stands for a request that was refused before anybody looks at a credential. */
export const NO_REQUEST: RequestFacts = {
  target: { scheme: 'https', host: '', port: 0, path: '' },
  methods: [],
  reroutes: false,
  places: [],
  slots: [],
};
