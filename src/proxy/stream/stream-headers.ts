import { invalidRequest } from '../../platform/http/http.errors.js';
import { Refused } from '../refusal.js';

/** A request's headers in two heaps: what goes to the upstream, each name once, and what is said to Chancery. */
export interface StreamHeaders {
  readonly forwarded: Readonly<Record<string, string>>;
  /** `chancery-*`, by the rest of the name in lower case. */
  readonly control: ReadonlyMap<string, string>;
}

const OURS = 'chancery-';
const FORWARD = 'forward-';
const CONTROLS: ReadonlySet<string> = new Set(['purpose', 'version', 'timeout-ms', 'approval-id']);

/** For Chancery, or for the connection to it (RFC 9110, 7.6.1), or made anew for the upstream. */
const NOT_FORWARDED = new Set([
  'authorization',
  'dpop',
  'host',
  'content-length',
  'accept-encoding',
  'expect',
  'prefer',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** `Chancery-Forward-<Name>` goes upstream as `<Name>`, in the place of one that the caller's HTTP client set by itself. */
export function readStreamHeaders(rawHeaders: readonly string[]): StreamHeaders {
  const plain = new Map<string, [name: string, value: string]>();
  const named = new Map<string, [name: string, value: string]>();
  const control = new Map<string, string>();
  const dropped = namedByConnection(rawHeaders);
  for (const [name, value] of pairs(rawHeaders)) {
    const lower = name.toLowerCase();
    if (!lower.startsWith(OURS)) {
      const isConnections = NOT_FORWARDED.has(lower) || lower.startsWith('proxy-') || dropped.has(lower);
      if (!isConnections) add(plain, name, value);
      continue;
    }
    const rest = lower.slice(OURS.length);
    if (rest.startsWith(FORWARD)) add(named, name.slice(OURS.length + FORWARD.length), value);
    else if (!CONTROLS.has(rest)) throw invalidRequest([{ path: lower, message: 'is no header of this route' }]);
    else if (control.has(rest)) throw invalidRequest([{ path: lower, message: 'must be given once' }]);
    else control.set(rest, value);
  }
  // No prototype: a caller may call a header `__proto__`.
  const forwarded = Object.create(null) as Record<string, string>;
  for (const [name, value] of new Map([...plain, ...named]).values()) forwarded[name] = utf8(value);
  return { forwarded, control };
}

function* pairs(rawHeaders: readonly string[]): Generator<[name: string, value: string]> {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) yield [rawHeaders[at] as string, rawHeaders[at + 1] as string];
}

/** Lines of one name are one list (RFC 9110, 5.3); cookies are joined their own way (RFC 6265, 5.4). */
function add(into: Map<string, [string, string]>, name: string, value: string): void {
  const key = name.toLowerCase();
  const known = into.get(key);
  into.set(key, known === undefined ? [name, value] : [known[0], known[1] + (key === 'cookie' ? '; ' : ', ') + value]);
}

function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const names = [...pairs(rawHeaders)]
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','));
  return new Set(names.map((name) => name.trim()));
}

/** Node hands on bytes, one in each character; a template is text. */
function utf8(value: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    throw new Refused('template_refused', 'a header value is not UTF-8');
  }
}
