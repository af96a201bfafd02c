const FORM = /^chy_(sk|ak|ms)_([A-Za-z0-9_-]{107})$/;
const TENANT_BYTES = 16;

/** True for a key of the platform itself, whose tenant id is all zero: it works on the ops surface only. */
export function isPlatformKey(key: string): boolean {
  const body = FORM.exec(key)?.[2];
  if (!body) return false;
  return Buffer.from(body, 'base64url')
    .subarray(0, TENANT_BYTES)
    .every((byte) => byte === 0);
}
