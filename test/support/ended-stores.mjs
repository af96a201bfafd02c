// Jest keeps what it knows of a test in an AsyncLocalStorage, a new one for every spec file, and leaves it on: every promise of
// the files that follow in the same worker is told to each of them.
import { AsyncLocalStorage } from 'node:async_hooks';

const { value: run } = Object.getOwnPropertyDescriptor(AsyncLocalStorage.prototype, 'run');
const used = new Set();

AsyncLocalStorage.prototype.run = function runAndRemember(...given) {
  used.add(this);
  return run.apply(this, given);
};

/** Whoever still uses one turns it on again. */
export function endStores() {
  for (const store of used) store.disable();
  used.clear();
}
