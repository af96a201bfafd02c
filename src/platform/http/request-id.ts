import { randomUUID } from 'node:crypto';
import { publicId } from '../ids.js';

/** Ours alone: an id taken from the client could be made to collide with another request's in the logs. */
export const newRequestId = (): string => publicId('req', randomUUID());
