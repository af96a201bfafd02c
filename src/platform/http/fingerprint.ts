import { createHmac } from 'node:crypto';

/** What a request asks for, as a MAC: the body may hold a secret, and a bare hash of it could be guessed at. */
export function fingerprint(key: Buffer, request: { method: string; url: string; body: unknown }): Buffer {
  return createHmac('sha256', key)
    .update(stable([request.method, request.url, request.body ?? null]))
    .digest();
}

/** JSON with sorted keys. Not RFC 8785: only we compare it, and it must take any number a body may hold. */
function stable(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${stable(field)}`).join(',')}}`;
}
