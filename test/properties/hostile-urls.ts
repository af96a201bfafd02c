import fc from 'fast-check';
import { anyCodePoint } from '../../packages/protocol/test/any-code-point.js';

/** Hosts that a check could be made to see, or a dial to reach, in each other's place. */
export const HOSTS = ['api.openai.com', 'evil.com', 'a.b.github.com', 'xn--pi-6kc.openai.com', 'localhost.localdomain'];

const PIECES = [
  ...HOSTS,
  'https',
  'http',
  'HTTPS',
  'ftp',
  'file',
  'ws',
  '://',
  ':',
  '//',
  '/',
  '\\',
  '@',
  '#',
  '?',
  '&',
  '=',
  ';',
  ',',
  '.',
  '..',
  '%2e',
  '%2E%2E',
  '%2F',
  '%5c',
  '%00',
  '%0d%0a',
  '%40',
  '%',
  '%zz',
  '%25',
  '{{CREDENTIAL}}',
  '{',
  '}',
  '[',
  ']',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '127.0.0.1',
  '0x7f.1',
  '2130706433',
  '0177.0.0.1',
  '127.1',
  '①',
  '。',
  '．',
  '／',
  '\t',
  '\r',
  '\n',
  '\0',
  ' ',
  '\u00ad',
  '\u200b',
  '\u2028',
  '\ufeff',
  'ſ',
  'K',
  'ß',
  'İ',
  'é',
  '\ud800',
  '*',
  '_',
  '-',
  '443',
  '80',
  '22',
  '8443',
  '0',
  '00443',
  '65536',
  '99999',
  'user',
  'user:pw',
  'a',
  'x',
  '~',
  '!',
  "'",
  '"',
  '<',
  '|',
];

const piece = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...PIECES) },
  fc.string({ maxLength: 3, unit: anyCodePoint(fc) }),
);
const soup = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''));

/** A URL as it should be, taken apart, so that something can be put between any two parts. */
const built = fc
  .tuple(
    fc.constantFrom('https://', 'http://', 'HTTPS://'),
    fc.constantFrom(...HOSTS),
    fc.constantFrom('', ':443', ':80', ':8443', '.', '.:443'),
    fc.constantFrom('', '/', '/v1/models', '/a/../b', '/%2e%2e/x', '?k=v', '#f', '/{{CREDENTIAL}}'),
    fc.array(fc.tuple(fc.nat(3), piece), { maxLength: 2 }),
  )
  .map(([scheme, host, port, rest, inserts]) => {
    const parts = [scheme, host, port, rest];
    for (const [at, text] of inserts) parts[at] = (parts[at] as string) + text;
    return parts.join('');
  });

/** One character of a good URL replaced, doubled or taken away. */
const mutated = fc.tuple(built, fc.nat(), piece, fc.nat(2)).map(([url, where, text, how]) => {
  const at = where % (url.length + 1);
  return url.slice(0, at) + (how === 0 ? '' : text) + url.slice(at + (how === 1 ? 1 : 0));
});

/** Strings that want to be taken for one URL by whoever checks and for another by whoever dials. */
export const hostileUrl: fc.Arbitrary<string> = fc.oneof(
  built,
  mutated,
  soup,
  soup.map((text) => `https://${text}`),
);
