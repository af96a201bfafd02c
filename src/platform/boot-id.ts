import { randomUUID } from 'node:crypto';

/** Names this process in what it writes down, so that what one that died has left is told apart. */
export const BOOT_ID = randomUUID();
