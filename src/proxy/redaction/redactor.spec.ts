import fc from 'fast-check';
import { Redaction } from './redactor.js';

const KEY = 'sk-proj-4f8a1c2e9dAZ_b/c+d==';
const MARK = '[redacted]';

const redact = (text: string, secret: string = KEY): string =>
  Buffer.from(new Redaction([Buffer.from(secret)]).redact(Buffer.from(text)).text).toString();
const escapeAll = (text: string, of: (byte: string) => string): string =>
  [...Buffer.from(text)].map((byte) => of(byte.toString(16).padStart(2, '0'))).join('');
const form = (text: string): string => new URLSearchParams({ k: text }).toString().slice(2);
const html = (text: string): string => text.replace(/[&<>"'/+=]/g, (char) => `&#${char.charCodeAt(0)};`);

const FORMS: [string, (secret: string) => string][] = [
  ['plain', (secret) => secret],
  ['percent', encodeURIComponent],
  ['percent, lower case', (secret) => encodeURIComponent(secret).replace(/%../g, (escape) => escape.toLowerCase())],
  ['percent, every byte', (secret) => escapeAll(secret, (byte) => `%${byte}`)],
  ['percent, twice', (secret) => encodeURIComponent(encodeURIComponent(secret))],
  ['form', form],
  ['JSON', (secret) => JSON.stringify(secret).slice(1, -1)],
  [
    'JSON, every character',
    (secret) =>
      Array.from(
        { length: secret.length },
        (_unused, i) => `\\u${secret.charCodeAt(i).toString(16).padStart(4, '0')}`,
      ).join(''),
  ],
  ['JSON with slashes escaped', (secret) => JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/')],
  ['JSON in JSON', (secret) => JSON.stringify(JSON.stringify(secret)).slice(1, -1)],
  ['HTML', html],
  ['hex', (secret) => Buffer.from(secret).toString('hex')],
  ['hex, upper case', (secret) => Buffer.from(secret).toString('hex').toUpperCase()],
  ['form in JSON', (secret) => JSON.stringify(form(secret)).slice(1, -1)],
];

describe('ATTACKS 28, 29: the secret is redacted in every form', () => {
  test.each(FORMS)('%s', (_form, encode) => {
    const text = `<before>${encode(KEY)}<after>`;
    expect(redact(text)).toMatch(/^<before>.{0,2}\[redacted\].{0,2}<after>$/);
    expect(redact(text)).not.toContain(KEY.slice(8, 16));
  });

  const ALPHABETS: [string, (bytes: Buffer) => string][] = [
    ['base64', (bytes) => bytes.toString('base64')],
    ['base64 unpadded', (bytes) => bytes.toString('base64').replaceAll('=', '')],
    ['base64url', (bytes) => bytes.toString('base64url')],
    ['base64 in a query', (bytes) => encodeURIComponent(bytes.toString('base64'))],
    ['base64 in a form', (bytes) => form(bytes.toString('base64'))],
    [
      'base64 in JSON with slashes escaped',
      (bytes) => bytes.toString('base64').replaceAll('/', '\\/').replaceAll('+', '\\u002B'),
    ],
  ];
  test.each(ALPHABETS)('%s, at each of three alignments, with and without something after it', (_form, encode) => {
    for (const before of ['', 'u', 'us', 'use', 'user:']) {
      for (const after of ['', ':', ':x', ':xy']) {
        const text = encode(Buffer.from(before + KEY + after));
        const left = redact(`Basic ${text} end`);
        expect(left).toMatch(/^Basic .{0,8}\[redacted\].{0,12} end$/);
        expect(before + after !== '' || left === `Basic ${MARK} end`).toBe(true);
      }
    }
  });

  test('characters at the seams of base64, which hold a few bits of it, go too', () => {
    expect(redact(Buffer.from(`u${KEY}`).toString('base64'))).toBe(`d${MARK}`);
    expect(redact(Buffer.from(`${KEY}:xyz`).toString('base64'))).not.toContain(
      Buffer.from(`${KEY}:xyz`).toString('base64').slice(37, 38) + 'O',
    );
  });
});

describe('ATTACKS 29: broken into lines', () => {
  const LONG = `${KEY}${KEY.replaceAll('a', '7')}${KEY.replaceAll('8', '-')}`;
  const wrap = (text: string, width: number, end: string): string =>
    text.replace(new RegExp(`.{${width}}(?=.)`, 'g'), (line) => line + end);
  const json = (text: string): string => JSON.stringify(text).slice(1, -1);
  /** As mail has it: no line holds more than 76 characters, and none ends within an escape. */
  const quoted = (text: string): string =>
    (text.replaceAll('=', '=3D').match(/(?:=..|.){1,25}/g) as string[]).join('=\r\n');
  const mail = 'Content-Transfer-Encoding: base64\r\n\r\n';
  const WRAPPED: [string, (before: string, secret: string, after: string) => string][] = [
    ['MIME', (...parts) => mail + wrap(Buffer.from(parts.join('')).toString('base64'), 76, '\r\n')],
    ['PEM', (...parts) => wrap(Buffer.from(parts.join('')).toString('base64'), 64, '\n')],
    ['MIME in JSON', (...parts) => json(mail + wrap(Buffer.from(parts.join('')).toString('base64'), 76, '\r\n'))],
    ['hex of xxd -p', (...parts) => wrap(Buffer.from(parts.join('')).toString('hex'), 60, '\n')],
    ['quoted-printable', (...parts) => quoted(parts.join(''))],
    ['quoted-printable in JSON', (...parts) => json(quoted(parts.join('')))],
  ];
  /** What can be read in it once lines are joined again. */
  const readable = (text: string): string => {
    const joined = text.replaceAll(/\\r|\\n|=?\r?\n|\[redacted\]/g, '');
    return [
      joined,
      Buffer.from(joined, 'base64').toString('latin1'),
      Buffer.from(joined, 'hex').toString('latin1'),
    ].join();
  };

  const pieces = Array.from({ length: LONG.length - 5 }, (_unused, at) => LONG.slice(at, at + 6));

  test.each(WRAPPED)('%s, wherever in a line it begins', (_form, write) => {
    for (let lead = 0; lead < 90; lead += 1) {
      const text = write('x'.repeat(lead), LONG, '.'.repeat(lead));
      const left = redact(text, LONG);
      expect([lead, left]).toEqual([lead, expect.stringContaining(MARK)]);
      const seen = readable(left);
      expect(pieces.filter((piece) => seen.includes(piece))).toEqual([]);
    }
  });

  test('also when it comes byte by byte, with the same bytes left', () => {
    for (const [name, write] of WRAPPED) {
      const text = Buffer.from(write('some words before: ', LONG, ' and behind'));
      const redaction = new Redaction([Buffer.from(LONG)]);
      const stream = redaction.stream();
      const out = [...text].map((byte) => stream.push(Buffer.from([byte])));
      const left = Buffer.concat([...out, stream.flush()]).toString();
      expect([name, left]).toEqual([name, Buffer.from(redaction.redact(text).text).toString()]);
    }
  });

  test('lines of a list are no broken lines, and the end of one is not held back', () => {
    const half = KEY.length / 2;
    const list = `${KEY.slice(0, half)}\n${KEY.slice(half)}\n`;
    expect(redact(list)).toBe(list);
    const stream = new Redaction([Buffer.from(KEY)]).stream();
    const line = `data: ${'A'.repeat(80)}\n`;
    expect(stream.push(Buffer.from(line)).toString()).toBe(line);
  });
});

test('every place is counted, touching ones once', () => {
  const redaction = new Redaction([Buffer.from(KEY)]);
  const seen = redaction.redact(Buffer.from(`${KEY}, ${encodeURIComponent(KEY)} and ${KEY}${KEY}`));
  expect(Buffer.from(seen.text).toString()).toBe(`${MARK}, ${MARK} and ${MARK}`);
  expect(seen.count).toBe(3);
});

test('ATTACKS 25: what looks like a pattern or the mark in a secret is data', () => {
  for (const secret of ['{{CREDENTIAL}}$&$1$$', '[redacted][redacted]', '(.*)+\\d{16,}[a-z]^$'])
    expect(redact(`a ${secret} b`, secret)).toBe(`a ${MARK} b`);
});

test('near misses stay', () => {
  for (const text of [
    KEY.slice(0, -1),
    KEY.slice(1),
    KEY.toUpperCase(),
    `${KEY.slice(0, 10)} ${KEY.slice(10)}`,
    '%',
    '\\u00',
    '&#',
    '',
  ])
    expect(redact(text)).toBe(text);
});

test('a secret that holds the introducers of escapes is found as it stands and escaped', () => {
  const secret = 'p%41\\u0042"&amp;%2525/+ x';
  for (const [name, encode] of FORMS) {
    if (name === 'form in JSON') continue;
    expect(redact(`(${encode(secret)})`, secret)).toMatch(/^\(.{0,2}\[redacted\].{0,2}\)$/);
  }
});

describe('ATTACKS 31: what stands before a secret does not hide its beginning', () => {
  /** With each of these, the beginning of some secret reads as the rest of an escape. */
  const BEFORE = [
    '%',
    '%4',
    '%25',
    '%2',
    '%254',
    '\\',
    '\\\\',
    '\\u',
    '\\u00',
    '\\u004',
    '&#',
    '&#x',
    '&',
    '%5C',
    '&#37;',
    '\\u0025',
  ];
  const SECRETS = [
    '41bcdef0123456789abcdef0123456789',
    'token-0123456789-abcdefghij',
    '0041bcdef0123456789abcdef',
    'u0041bcdef0123456789',
    'lt;0123456789abcdefghij',
  ];

  test.each(SECRETS)('%s', (secret) => {
    const wrong: unknown[] = [];
    for (const before of BEFORE) {
      for (const [name, encode] of FORMS) {
        const left = redact(`${before}${encode(secret)}.`, secret);
        if (!/\[redacted\].{0,2}\.$/.test(left)) wrong.push([before, name, left]);
      }
    }
    expect(wrong).toEqual([]);
  });
});

test('several secrets are found at once, escaped each in its own way, and forgotten by none', () => {
  const secrets = Array.from({ length: 20 }, (_unused, at) => `secret-number-${at}-${'%\\&"/+='[at % 7]}-tail`);
  const redaction = new Redaction(secrets.map((secret) => Buffer.from(secret)));
  const text = secrets.map((secret, at) => `${at}:${(FORMS[at % 13] as (typeof FORMS)[0])[1](secret)}`).join('\n');
  const { text: left, count } = redaction.redact(Buffer.from(text));
  expect(count).toBe(20);
  expect(Buffer.from(left).toString()).toMatch(/^(?:\d+:.{0,2}\[redacted\].{0,2}\n?){20}$/);
});

test('ATTACKS 31: URL-encoded JSON', () => {
  const secret = 'pass/word"with\\escapes-0123';
  const json = JSON.stringify({ secret }).replaceAll('/', '\\/');
  expect(redact(`?error=${encodeURIComponent(json)}`, secret)).toBe('?error=%7B%22secret%22%3A%22[redacted]%22%7D');
});

const SECRET = fc.string({ unit: 'grapheme-ascii', minLength: 16, maxLength: 60 });
const CONTEXT = fc.string({
  unit: fc.constantFrom('a', '%', '\\', 'u', '0', '&', '=', '#', ';', ' ', '\n', '"', 'é'),
  maxLength: 30,
});

test('P1: whatever the secret, its form and the mix of escaped and plain characters, none of it is left', () => {
  const mixed = (secret: string, choice: number[]): string =>
    Array.from({ length: secret.length }, (_unused, i) => {
      const hex = secret.charCodeAt(i).toString(16).padStart(2, '0');
      return [secret[i], `%${hex}`, `%${hex.toUpperCase()}`, `%25${hex}`][
        (choice[i % choice.length] as number) % 4
      ] as string;
    }).join('');
  fc.assert(
    fc.property(
      SECRET,
      fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
      CONTEXT,
      CONTEXT,
      (secret, choice, before, after) => {
        fc.pre(!secret.includes('%') && !secret.includes('\\') && !secret.includes('&'));
        const left = redact(`${before}|${mixed(secret, choice)}|${after}`, secret);
        expect(left).toBe(`${before}|${MARK}|${after}`);
      },
    ),
    { numRuns: 500 },
  );
});

test('P1: any secret in any form is gone', () => {
  fc.assert(
    fc.property(SECRET, fc.constantFrom(...FORMS), (secret, [, encode]) => {
      expect(redact(`<${encode(secret)}>`, secret)).toContain(MARK);
      expect(redact(`<${encode(secret)}>`, secret)).not.toContain(encode(secret).slice(4, -4));
    }),
    { numRuns: 1_000 },
  );
});

test('P1: a text without the secret is left as it is', () => {
  fc.assert(
    fc.property(SECRET, CONTEXT, (secret, text) => {
      fc.pre(!text.includes(secret[0] as string));
      expect(redact(text, secret)).toBe(text);
    }),
  );
});

describe('ATTACKS 31: split anywhere', () => {
  test('P: the pieces of a stream say the same as the whole', () => {
    const piece = fc.oneof(
      CONTEXT,
      fc.constantFrom(...FORMS).map(([, encode]) => encode(KEY)),
      fc.constantFrom(KEY.slice(0, 9), Buffer.from(KEY).toString('base64')),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1 }),
        (pieces, sizes) => {
          const text = Buffer.from(pieces.join(''));
          const redaction = new Redaction([Buffer.from(KEY)]);
          const stream = redaction.stream();
          const out: Buffer[] = [];
          for (let at = 0, turn = 0; at < text.length; turn += 1) {
            const size = sizes[turn % sizes.length] as number;
            out.push(stream.push(text.subarray(at, at + size)));
            at += size;
          }
          out.push(stream.flush());
          const whole = redaction.redact(text);
          expect(Buffer.concat(out).toString()).toBe(Buffer.from(whole.text).toString());
          expect(stream.count).toBe(whole.count);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('ATTACKS 29: a character that shares bits with a secret waits for the next one, also across an escape cut in two', () => {
    const written = Buffer.from(`u${KEY}`).toString('base64');
    for (const spelling of [written, [...written].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('')]) {
      const stream = new Redaction([Buffer.from(KEY)]).stream();
      const out = [...Buffer.from(`${spelling}|`)].map((byte) => stream.push(Buffer.from([byte])));
      const left = Buffer.concat([...out, stream.flush()]).toString();
      expect(decodeURIComponent(left.slice(0, left.indexOf(MARK)))).toBe('d');
      expect(left.endsWith(`${MARK}|`)).toBe(true);
    }
  });

  test('the secret may be wiped as soon as it is known what to look for', () => {
    const secret = Buffer.from(KEY);
    const redaction = new Redaction([secret]);
    secret.fill(0);
    expect(redaction.redact(Buffer.from(`|${KEY}|`)).text.toString()).toBe(`|${MARK}|`);
    expect(Buffer.from(redaction.stream().push(Buffer.from(`|${KEY}|`))).toString()).toBe(`|${MARK}|`);
  });

  test('nothing is held back that cannot become the secret', () => {
    const stream = new Redaction([Buffer.from(KEY)]).stream();
    expect(stream.push(Buffer.from('data: {"delta":"hello"}\n\n')).toString()).toBe('data: {"delta":"hello"}\n\n');
    expect(stream.push(Buffer.from('data: sk-proj')).toString()).toBe('data: ');
    expect(stream.push(Buffer.from('ects\n\n')).toString()).toBe('sk-projects\n\n');
    expect(stream.push(Buffer.from(`x${KEY}\n\n`)).toString()).toBe(`x${MARK}\n\n`);
    expect(stream.flush()).toHaveLength(0);
  });
});

test('an empty secret is refused', () => expect(() => new Redaction([Buffer.alloc(0)])).toThrow(RangeError));
