import type { FastifyReply } from 'fastify';
import { Stopper, type StopSignal } from '../stop-signal.js';

/** Aborts when the client's connection closes before it was answered. */
export function goneSignal(reply: FastifyReply): StopSignal {
  const gone = new Stopper();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone;
}
