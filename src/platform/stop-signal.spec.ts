import { Stopper, type StopSignal } from './stop-signal.js';

const kinds: [string, () => { signal: StopSignal; abort: (reason?: unknown) => void }][] = [
  ['a real one', () => pair(new AbortController())],
  ['ours', () => ({ signal: ours(), abort: (reason) => made.abort(reason) })],
];
let made: Stopper;
const ours = (): Stopper => (made = new Stopper());
const pair = (controller: AbortController) => ({
  signal: controller.signal as StopSignal,
  abort: (reason?: unknown) => controller.abort(reason),
});

describe.each(kinds)('%s', (_name, make) => {
  test('is quiet until it is aborted, and then says why to whoever asks', () => {
    const { signal, abort } = make();
    expect([signal.aborted, signal.reason]).toEqual([false, undefined]);
    signal.throwIfAborted();
    const why = new Error('enough');
    abort(why);
    abort(new Error('again'));
    expect([signal.aborted, signal.reason]).toEqual([true, why]);
    expect(() => signal.throwIfAborted()).toThrow(why);
  });

  test('has a reason when it is given none', () => {
    const { signal, abort } = make();
    abort();
    expect(signal.reason).toMatchObject({ name: 'AbortError' });
  });

  test('tells all who listen, in their order and once, and nobody who left or comes too late', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const leaves = (): void => void told.push('left');
    signal.addEventListener('abort', () => told.push('first'), { once: true });
    signal.addEventListener('abort', leaves, { once: true });
    signal.addEventListener('abort', () => told.push('second'), { once: true });
    signal.removeEventListener('abort', leaves);
    abort();
    abort();
    signal.addEventListener('abort', () => told.push('late'), { once: true });
    expect(told).toEqual(['first', 'second']);
  });

  test('who is taken off while others are told is not told, and who listens twice is told once', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const last = (): void => void told.push('last');
    const taken = (): void => void told.push('taken off');
    signal.addEventListener('abort', () => signal.removeEventListener('abort', taken), { once: true });
    signal.addEventListener('abort', taken, { once: true });
    signal.addEventListener('abort', last, { once: true });
    signal.addEventListener('abort', last, { once: true });
    abort();
    expect(told).toEqual(['last']);
  });
});

test('one that fails keeps nobody from being told, and its fault is not swallowed', () => {
  const thrown: (() => void)[] = [];
  const later = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((work) => void thrown.push(work));
  const stopper = new Stopper();
  const told: string[] = [];
  stopper.addEventListener('abort', () => {
    throw new Error('mine');
  });
  stopper.addEventListener('abort', () => told.push('next'));
  stopper.abort();
  later.mockRestore();
  expect(told).toEqual(['next']);
  expect(thrown[0]).toThrow('mine');
});
