import { AnswerRedaction, redactAnswer } from './redact-answer.js';

const SECRET = Buffer.from('sk-live-0123456789abcdef');
const answer = (change = {}) => ({ status: 200, statusText: 'OK', headers: [], body: Buffer.alloc(0), ...change });

const redacting = () => new AnswerRedaction([{ bytes: SECRET }]);

test('ATTACKS 19, 28: the secret goes from status text, header names and values, and body', () => {
  const redaction = redacting();
  const redacted = redactAnswer(
    answer({
      statusText: `Hello ${SECRET}`,
      headers: [
        ['Location', `https://a.example/?key=${SECRET}`],
        ['Set-Cookie', `k=${SECRET.toString('base64')}; Path=/`],
        [`X-${SECRET}`, 'a'],
        ['X-Other', 'caf\xe9'],
      ],
      body: Buffer.from(`{"headers":{"Authorization":"Bearer ${SECRET}"}}`),
    }),
    redaction,
  );
  expect(redacted).toEqual({
    status: 200,
    statusText: 'Hello [redacted]',
    headers: [
      ['Location', 'https://a.example/?key=[redacted]'],
      ['Set-Cookie', 'k=[redacted]; Path=/'],
      ['X-[redacted]', 'a'],
      ['X-Other', 'caf\xe9'],
    ],
    body: Buffer.from('{"headers":{"Authorization":"Bearer [redacted]"}}'),
  });
  expect([redaction.count, redaction.places]).toEqual([5, ['status', 'header', 'body']]);
});

test('bytes that are no text come back unchanged', () => {
  const body = Buffer.from(Array.from({ length: 512 }, (_unused, i) => i & 255));
  expect(redactAnswer(answer({ body }), redacting()).body).toEqual(body);
});

test('a body over several slices is redacted at the seams', () => {
  const body = Buffer.concat([Buffer.alloc(65_530, 'x'), SECRET, Buffer.alloc(70_000, 'y')]);
  const redaction = redacting();
  const redacted = redactAnswer(answer({ body }), redaction);
  expect(redaction.count).toBe(1);
  expect(redacted.body.length).toBe(body.length - SECRET.length + '[redacted]'.length);
});

test('ATTACKS 31a: a credential stored unredacted is left alone', () => {
  const body = Buffer.from(`x${SECRET}`);
  const redaction = new AnswerRedaction([]);
  expect(redactAnswer(answer({ body }), redaction).body).toBe(body);
  expect(redaction.body().push(body)).toBe(body);
  expect(redaction.count).toBe(0);
});

test('several secrets go, one that is part of another with it', () => {
  const [short, long] = [Buffer.from('0123456789abcdef'), Buffer.from('user:0123456789abcdef-tail')];
  const body = Buffer.from(`${long} and ${short} and ${long.toString('base64')}`);
  const redaction = new AnswerRedaction([{ bytes: short }, { bytes: long }]);
  expect(redactAnswer(answer({ body }), redaction).body.toString()).toBe('[redacted] and [redacted] and [redacted]');
  expect(redaction.count).toBe(3);
});
