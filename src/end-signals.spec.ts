import { setImmediate as turnEnds, setTimeout as sleep } from 'node:timers/promises';
import { EndSignals } from './end-signals.js';

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

afterEach(() => {
  for (const signal of SIGNALS) process.removeAllListeners(signal);
});

test('an interrupt is a program’s while it runs, and when it comes right behind its end; then it is ours again', async () => {
  const signals = new EndSignals();
  const heard: string[] = [];
  void signals.next().then((signal) => heard.push(signal));
  let end = (): void => undefined;
  const program = new Promise<void>((resolve) => (end = resolve));
  const left = signals.leaveInterruptsTo(program);
  process.emit('SIGINT', 'SIGINT');
  end();
  await program;
  await sleep(10);
  process.emit('SIGINT', 'SIGINT');
  await left;
  expect(heard).toEqual([]);
  process.emit('SIGINT', 'SIGINT');
  await turnEnds();
  expect(heard).toEqual(['SIGINT']);
});
