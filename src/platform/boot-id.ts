import { randomUUID } from 'node:crypto';

/** Names one start of a node, in what it writes down and in its lease, so that what one that died has left is told apart. */
export class BootId {
  readonly value = randomUUID();
}
