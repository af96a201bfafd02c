import { PassThrough } from 'node:stream';
import type { Io } from './io.js';
import { Terminal } from './terminal.js';

function terminal() {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
  const stderr = new PassThrough();
  let shown = '';
  stderr.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  return { stdin, raw, shown: () => shown, terminal: new Terminal({ stdin, stderr } as unknown as Io) };
}

test('a hidden answer is never shown, and raw mode ends', async () => {
  const t = terminal();
  t.stdin.write('s3cret\r');
  await expect(t.terminal.askHidden('Password: ')).resolves.toBe('s3cret');
  expect(t.shown()).toBe('Password: \n');
  expect(t.raw).toEqual([true, false]);
});

test('a shown answer is echoed; backspace and Ctrl-U edit it', async () => {
  const t = terminal();
  t.stdin.write('wrong\u0015helo\u007flo\r');
  await expect(t.terminal.ask('Q: ')).resolves.toBe('hello');
  expect(t.shown()).toContain('hel');
});

test('what is typed ahead waits for the next question', async () => {
  const t = terminal();
  t.stdin.write('one\rtwo\r');
  await expect(t.terminal.ask('1: ')).resolves.toBe('one');
  await expect(t.terminal.askHidden('2: ')).resolves.toBe('two');
});

test('a character split over two reads arrives whole', async () => {
  const t = terminal();
  const bytes = Buffer.from('pässword\r');
  const answer = t.terminal.askHidden('Q: ');
  t.stdin.write(bytes.subarray(0, 2));
  await new Promise((resolve) => setImmediate(resolve));
  t.stdin.write(bytes.subarray(2));
  await expect(answer).resolves.toBe('pässword');
});

test.each([
  ['Ctrl-C', 'abc\u0003'],
  ['Ctrl-D on an empty line', '\u0004'],
])('%s interrupts, and raw mode ends', async (_key, typed) => {
  const t = terminal();
  t.stdin.write(typed);
  await expect(t.terminal.askHidden('Q: ')).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 });
  expect(t.raw).toEqual([true, false]);
});

test('a terminal that goes away interrupts', async () => {
  const t = terminal();
  const answer = t.terminal.askHidden('Q: ');
  t.stdin.end('half');
  await expect(answer).rejects.toMatchObject({ code: 'interrupted' });
});

test('more than 1 MiB on stdin is refused', async () => {
  const t = terminal();
  t.stdin.end(Buffer.alloc(1024 * 1024 + 1));
  await expect(t.terminal.readAll()).rejects.toMatchObject({ exitCode: 64 });
});
