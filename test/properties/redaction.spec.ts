import fc from 'fast-check';
import { Redaction } from '../../src/proxy/redaction/redactor.js';
import { PROPERTY_TIMEOUT_MS, runs } from './runs.js';
import { anyCodePoint } from '../../packages/protocol/test/any-code-point.js';

jest.setTimeout(PROPERTY_TIMEOUT_MS);

const MARK = '[redacted]';
/** No character of a secret takes more than this, however it is escaped here. */
const CHARS_PER_BYTE_MAX = 12;
const HELD_MARGIN = 64;

const hex = (char: string): string => char.charCodeAt(0).toString(16).padStart(2, '0');

/** The spellings of one character that may stand beside any other in one text. */
const WAYS: readonly ((char: string) => string)[] = [
  (char) => char,
  (char) => `%${hex(char)}`,
  (char) => `%${hex(char).toUpperCase()}`,
  (char) => `%25${hex(char)}`,
  (char) => `\\u00${hex(char)}`,
  (char) => `\\\\u00${hex(char)}`,
  (char) => `&#${char.charCodeAt(0)};`,
  (char) => `&#x${hex(char)};`,
];

/** Keys and passwords as there are; a secret that holds the lead of an escape is read in further ways, and has its own test. */
const secret = fc.string({ unit: fc.constantFrom(...'abcXYZ0189-_.~/+=:,!*()'), minLength: 16, maxLength: 48 });
const context = fc.string({
  unit: fc.oneof(fc.constantFrom(...'a%\\u0&=#;x25 \n"é+/'), fc.string({ unit: anyCodePoint(fc), maxLength: 1 })),
  maxLength: 24,
});
const sizes = fc.array(fc.integer({ min: 1, max: 23 }), { minLength: 1, maxLength: 6 });

interface Streamed {
  readonly text: string;
  readonly count: number;
  readonly heldMax: number;
}

/** Pushes the text in pieces of these sizes, and watches how much is held back after each. */
function streamed(secrets: readonly string[], text: string, pieces: readonly number[]): Streamed {
  const bytes = Buffer.from(text);
  const stream = new Redaction(secrets.map((one) => Buffer.from(one))).stream();
  const out: Buffer[] = [];
  let heldMax = 0;
  let counted = 0;
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const end = Math.min(at + (pieces[turn % pieces.length] as number), bytes.length);
    const left = stream.push(bytes.subarray(at, end));
    out.push(left);
    at = end;
    // What was replaced is no longer held, whatever its length was.
    if (stream.count === counted) heldMax = Math.max(heldMax, at - Buffer.concat(out).length);
    counted = stream.count;
  }
  out.push(stream.flush());
  return { text: Buffer.concat(out).toString(), count: stream.count, heldMax };
}

test('P1, ATTACKS 31: any secret, any mix of escapes, any pieces: replaced whole, and nothing else is touched', () => {
  const choices = fc.array(fc.nat(WAYS.length - 1), { minLength: 1, maxLength: 16 });
  fc.assert(
    fc.property(secret, choices, context, context, sizes, (value, ways, before, after, pieces) => {
      const written = [...value]
        .map((char, at) => (WAYS[ways[at % ways.length] as number] as (c: string) => string)(char))
        .join('');
      const seen = streamed([value], `${before}|${written}|${after}`, pieces);
      const expected = Buffer.from(`${before}|${MARK}|${after}`).toString();
      expect(seen.text).toBe(expected);
      expect(seen.count).toBe(1);
    }),
    runs(3_000),
  );
});

/** Base64 of the secret among other bytes: where the first and the last character that carry any of its bits are. */
const shifted = fc.tuple(
  fc.string({ unit: fc.constantFrom(...'user:'), maxLength: 7 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 7 }),
);

test.each(['base64', 'base64url'] as const)(
  'P1, ATTACKS 29: of %s, no bit of the secret is left, and nothing else is touched',
  (alphabet) => {
    fc.assert(
      fc.property(secret, shifted, sizes, (value, [lead, tail], pieces) => {
        const written = Buffer.from(lead + value + tail).toString(alphabet);
        const seen = streamed([value], `<${written}>`, pieces);
        const at = seen.text.indexOf(MARK);
        expect(at).toBeGreaterThan(0);
        const [kept, rest] = [seen.text.slice(1, at), seen.text.slice(at + MARK.length, -1)];
        expect(written.startsWith(kept) && written.endsWith(rest)).toBe(true);
        // Six bits a character: what is kept ends before the first bit of the secret, or begins behind its last.
        expect(kept.length * 6).toBeLessThanOrEqual(Buffer.byteLength(lead) * 8);
        const end = Buffer.byteLength(lead + value) * 8;
        expect((written.length - rest.length) * 6).toBeGreaterThanOrEqual(
          Math.min(end, written.replace(/=+$/, '').length * 6),
        );
      }),
      runs(3_000),
    );
  },
);

test('P1, ATTACKS 29: hexadecimal, in either case and mixed, is replaced whole', () => {
  fc.assert(
    fc.property(
      secret,
      fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
      context,
      sizes,
      (value, cases, after, pieces) => {
        const digits = [...Buffer.from(value).toString('hex')];
        const written = digits
          .map((digit, at) => (cases[at % cases.length] === true ? digit.toUpperCase() : digit))
          .join('');
        const seen = streamed([value], `|${written}|${after}`, pieces);
        expect(seen.text).toBe(Buffer.from(`|${MARK}|${after}`).toString());
      },
    ),
    runs(2_000),
  );
});

test('P1: several secrets at once, also one inside the other', () => {
  fc.assert(
    fc.property(secret, secret, context, sizes, (one, two, between, pieces) => {
      fc.pre(!one.includes(two) && !two.includes(one));
      const seen = streamed([one, two], `|${one}|${between}|${two}|${one}x${two}|`, pieces);
      for (const value of [one, two]) expect(seen.text).not.toContain(value);
      const inner = streamed([one, `x${one}x`], `|x${one}x|${one}|`, pieces);
      expect(inner.text).toBe(`|${MARK}|${MARK}|`);
    }),
    runs(2_000),
  );
});

test('bytes without the secret go through as they are, and are not held back beyond what it could begin', () => {
  const bytes = fc.uint8Array({ maxLength: 400 });
  fc.assert(
    fc.property(secret, bytes, fc.nat(47), sizes, (value, noise, near, pieces) => {
      // The beginning of a secret, which then goes on as something else.
      const text = Buffer.concat([noise, Buffer.from(value.slice(0, near % value.length)), Buffer.from('\0'), noise]);
      const stream = new Redaction([Buffer.from(value)]).stream();
      const out: Buffer[] = [];
      let at = 0;
      for (let turn = 0; at < text.length; turn += 1) {
        const end = Math.min(at + (pieces[turn % pieces.length] as number), text.length);
        out.push(stream.push(text.subarray(at, end)));
        at = end;
        expect(at - Buffer.concat(out).length).toBeLessThanOrEqual(value.length * CHARS_PER_BYTE_MAX + HELD_MARGIN);
      }
      out.push(stream.flush());
      expect(Buffer.concat(out)).toEqual(text);
      expect(stream.count).toBe(0);
    }),
    runs(1_500),
  );
});

test('P20: what is held back is bounded by the secret, however it is escaped and however long the text', () => {
  fc.assert(
    fc.property(secret, fc.nat(WAYS.length - 1), sizes, (value, way, pieces) => {
      const write = WAYS[way] as (char: string) => string;
      // All of the secret but its last character, again and again.
      const almost = Array.from(value.slice(0, -1), write).join('');
      const seen = streamed([value], `${almost}\0`.repeat(8), pieces);
      expect(seen.count).toBe(0);
      expect(seen.heldMax).toBeLessThanOrEqual(value.length * CHARS_PER_BYTE_MAX + HELD_MARGIN);
    }),
    runs(300),
  );
});

test('an ordinary stream is not held back at all', () => {
  fc.assert(
    fc.property(secret, fc.array(fc.lorem({ maxCount: 3 }), { maxLength: 8 }), (value, words) => {
      const stream = new Redaction([Buffer.from(`#${value}`)]).stream();
      for (const word of words) {
        const event = `data: {"delta":"${word}"}\n\n`;
        expect(stream.push(Buffer.from(event)).toString()).toBe(event);
      }
    }),
    runs(1_000),
  );
});
