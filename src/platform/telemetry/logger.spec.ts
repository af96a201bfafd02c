import { Writable } from 'node:stream';
import { NestLogger } from './nest-logger.js';
import { createLog } from './logger.js';
import { safeError } from './safe-error.js';

const SECRET = 'sk-live-hunter2';

function lines() {
  const written: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
  return { written, log: createLog({ level: 'trace', destination }) };
}

test('P1: an error is logged without its message, its causes too, and with its place', () => {
  const cause = Object.assign(new Error(`params: ${SECRET}`), {
    code: '23505',
    constraint: 'agents_name',
    detail: SECRET,
  });
  const { written, log } = lines();
  log.error({ err: new Error(`Failed query:\n    at ${SECRET} (x:1:1)`, { cause }) }, 'failed');
  expect(written.join('')).not.toContain(SECRET);
  const { err } = JSON.parse(written[0]!) as { err: ReturnType<typeof safeError> };
  expect(err).toMatchObject({ name: 'Error', cause: { code: '23505', constraint: 'agents_name' } });
  expect(err.at[0]).toContain('logger.spec.ts');
});

test('what was thrown and is no error is its type', () => {
  expect(safeError(SECRET)).toEqual({ name: 'string', at: [] });
  expect(safeError({ code: SECRET })).toEqual({ name: 'object', at: [] });
});

test('a code or name that could be anything is left out', () => {
  const error = Object.assign(new Error('x'), { code: `${SECRET} with spaces`, table: { toString: () => SECRET } });
  expect(JSON.stringify(safeError(error))).not.toContain(SECRET);
  const named = new Error('x');
  named.name = `${SECRET} says`;
  expect(safeError(named).name).toBe('Error');
});

test('requests, replies, headers and bodies have no way into a line', () => {
  const { written, log } = lines();
  log.info({ req: { url: SECRET }, res: { a: SECRET }, headers: { authorization: SECRET }, body: SECRET }, 'x');
  expect(written.join('')).not.toContain(SECRET);
});

test("Nest's messages become lines, its errors too", () => {
  const { written, log } = lines();
  const nest = new NestLogger(log);
  nest.log('started', 'NestFactory');
  nest.error(new Error(SECRET), 'ExceptionsHandler');
  nest.warn({ odd: SECRET }, 'Router');
  expect(written.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: 'debug', from: 'NestFactory', msg: 'started' },
    { level: 'error', from: 'ExceptionsHandler', err: { name: 'Error' } },
    { level: 'warn', from: 'Router', msg: '[object Object]' },
  ]);
  expect(written.join('')).not.toContain(SECRET);
});
