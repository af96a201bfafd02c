import { uuidv7 } from 'uuidv7';

export { formatId as publicId, parseId as storedId } from '@chancery/protocol/ids.js';

/** A fresh UUIDv7 (RFC 9562 section 5.7) in dashed form, as PostgreSQL stores it. */
export function newUuid(): string {
  return uuidv7();
}

/** The operator's own tenant: its chain is the platform chain, its members are the staff. */
export const PLATFORM_TENANT_ID = '00000000-0000-0000-0000-000000000000';
