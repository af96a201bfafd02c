import { randomUUID } from 'node:crypto';

/** Ours alone: an id taken from the client could be made to collide with another request's in the logs. */
export const newRequestId = (): string => `req_${randomUUID().replaceAll('-', '')}`;
