import type { Dispatcher, Pool } from 'undici';

/**
 * A pool whose requests call `look` when their connection is open and theirs, in the same stretch of code that then writes
 * the first byte. Between the decision to send and that moment lie a look-up, a handshake, perhaps a queue.
 */
export function lookingLast(pool: Pool, look: (() => void) | undefined): Pool {
  if (look === undefined) return pool;
  const dispatch: Dispatcher['dispatch'] = (options, handler) => {
    // undici calls `onConnect` directly before it writes, and writes nothing when that throws or aborts.
    const begin = handler.onConnect?.bind(handler);
    if (begin === undefined) throw new Error('undici no longer says when a request is about to be written');
    handler.onConnect = (abort) => {
      look();
      begin(abort);
    };
    return pool.dispatch(options, handler);
  };
  return new Proxy(pool, {
    get: (target, key) => (key === 'dispatch' ? dispatch : (Reflect.get(target, key, target) as unknown)),
  });
}
