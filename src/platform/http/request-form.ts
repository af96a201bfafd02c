import type { IncomingMessage } from 'node:http';
import { headersTooLarge, malformedRequest, targetTooLong } from './http.errors.js';
import type { ProblemError } from './problem.js';
import { TARGET_BYTES_MAX, targetFault } from './request-target.js';

export const HEADERS_MAX = 100;

/** Headers Node keeps the first of, or joins: given twice, two readers could see two requests. */
const ONCE = new Set([
  'host',
  'authorization',
  'dpop',
  'content-type',
  'content-length',
  'content-encoding',
  'idempotency-key',
]);

/** What is wrong with a request before anybody looks for its route, or null. */
export function requestFault(request: IncomingMessage): ProblemError | null {
  const target = request.url ?? '';
  if (target.length > TARGET_BYTES_MAX) return targetTooLong();
  if (request.rawHeaders.length > 2 * HEADERS_MAX) return headersTooLarge();
  const fault = targetFault(target);
  if (fault !== null) return malformedRequest(fault);
  // https://www.rfc-editor.org/rfc/rfc9112#section-3.2-6
  if (request.httpVersion === '1.1' && request.headers.host === undefined)
    return malformedRequest('A Host header is required.');
  const expected = request.headers.expect;
  if (expected !== undefined && expected.toLowerCase() !== '100-continue')
    return malformedRequest('Expect may ask for 100-continue only.');
  if (repeats(request.rawHeaders)) return malformedRequest('A header that may stand once is given twice.');
  return null;
}

function repeats(rawHeaders: readonly string[]): boolean {
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!ONCE.has(name)) continue;
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}
