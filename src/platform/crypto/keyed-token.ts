import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { aad } from './wrap.js';

const TENANT_BYTES = 16;
const ID_BYTES = 16;
const SECRET_BYTES = 32;
const MAC_BYTES = 16;
const BODY_BYTES = TENANT_BYTES + ID_BYTES + SECRET_BYTES;
const TEXT = /^chy_(sk|ak|ms)_([A-Za-z0-9_-]{107})$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** `sk` service key, `ak` agent API key, `ms` member session. */
export type KeyedTokenKind = 'sk' | 'ak' | 'ms';

export type KeyedToken = { kind: KeyedTokenKind; tenantId: string; id: string; secretHash: Buffer };

/**
 * `chy_<kind>_<base64url(tenant 16 ‖ id 16 ‖ secret 32 ‖ mac 16)>`. The tenant inside says where to look, and the MAC
 * lets a forged token be refused before a connection is opened. Store the hash (SHA-256 of the secret), never the token.
 */
export function mintKeyedToken(o: {
  kind: KeyedTokenKind;
  tenantId: string;
  id: string;
  macKey: Buffer;
  random?: (bytes: number) => Buffer;
}): { token: string; secretHash: Buffer } {
  const secret = (o.random ?? randomBytes)(SECRET_BYTES);
  const body = Buffer.concat([uuidToBytes(o.tenantId), uuidToBytes(o.id), secret]);
  const token = `chy_${o.kind}_${Buffer.concat([body, macOf(o.kind, body, o.macKey)]).toString('base64url')}`;
  return { token, secretHash: sha256(secret) };
}

/** Null for everything this deployment did not mint, whatever is wrong with it. Says nothing of revocation. */
export function readKeyedToken(token: string, macKey: Buffer): KeyedToken | null {
  const match = TEXT.exec(token);
  if (!match) return null;
  const kind = match[1] as KeyedTokenKind;
  const bytes = Buffer.from(match[2]!, 'base64url');
  const body = bytes.subarray(0, BODY_BYTES);
  if (!constantTimeEqual(macOf(kind, body, macKey), bytes.subarray(BODY_BYTES))) return null;
  // 107 characters carry two bits too many: only one spelling is ours.
  if (bytes.toString('base64url') !== match[2]) return null;
  return {
    kind,
    tenantId: bytesToUuid(body.subarray(0, TENANT_BYTES)),
    id: bytesToUuid(body.subarray(TENANT_BYTES, TENANT_BYTES + ID_BYTES)),
    secretHash: sha256(body.subarray(TENANT_BYTES + ID_BYTES)),
  };
}

/** Compares without telling where they differ. Lengths are not secret. */
export function constantTimeEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function macOf(kind: KeyedTokenKind, body: Buffer, macKey: Buffer): Buffer {
  const message = aad(['chancery/keyed-token/v1', kind, body]);
  return createHmac('sha256', macKey).update(message).digest().subarray(0, MAC_BYTES);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function uuidToBytes(uuid: string): Buffer {
  if (!UUID.test(uuid)) throw new Error('A keyed token carries ids in the lower-case UUID form');
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function bytesToUuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
