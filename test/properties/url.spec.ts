import fc from 'fast-check';
import { matches, parseDomainPattern } from '../../src/credentials/domain-pattern.js';
import { isHostname } from '../../src/platform/outbound/hostname.js';
import { result } from '../../src/proxy/refusal.js';
import { readTarget } from '../../src/proxy/target.js';
import { HOSTS, hostileUrl } from './hostile-urls.js';
import { PROPERTY_TIMEOUT_MS, runs } from './runs.js';

jest.setTimeout(PROPERTY_TIMEOUT_MS);

const read = (url: string) => result(() => readTarget(url, { allowCleartext: true }));
const DEFAULT_PORTS = { https: 443, http: 80 } as const;

test('what is accepted, another parser reads as the same scheme, host, port and path', () => {
  let accepted = 0;
  fc.assert(
    fc.property(hostileUrl, (text) => {
      const parsed = read(text);
      if (!parsed.ok) return;
      accepted += 1;
      const { scheme, host, port, path, url } = parsed.value;
      expect(isHostname(host)).toBe(true);
      const other = new URL(text);
      expect([other.username, other.password]).toEqual(['', '']);
      expect(other.protocol).toBe(`${scheme}:`);
      expect(other.hostname.replace(/\.$/, '')).toBe(host);
      expect(other.port === '' ? DEFAULT_PORTS[scheme] : Number(other.port)).toBe(port);
      // The canonical form is a fixed point, for both.
      const again = read(url);
      expect(again.ok && again.value).toMatchObject({ scheme, host, port, path });
      expect(new URL(url).hostname).toBe(host);
    }),
    runs(20_000),
  );
  // A property over what is accepted says nothing when nothing is.
  expect(accepted).toBeGreaterThan(1_000);
});

test('what is refused is refused for good: no throw, no other error, no piece of the URL in the reason', () => {
  fc.assert(
    fc.property(hostileUrl, (text) => {
      const parsed = read(`${text}c4n4ry\\`);
      expect(parsed.ok).toBe(false);
      const said = parsed.ok ? '' : `${parsed.code} ${parsed.detail}`;
      expect(said).toMatch(/^(?:url|template)_refused (?!.*c4n4ry)/);
    }),
    runs(5_000),
  );
});

test('the canonical path never climbs, whatever was written', () => {
  const segment = fc.constantFrom(
    'a',
    '..',
    '.',
    '%2e',
    '%2E.',
    '.%2e',
    '',
    '%2F',
    '%2f..',
    '..;',
    '%252e',
    'b;c',
    '~',
  );
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 12 }), (segments) => {
      const parsed = read(`https://api.openai.com/${segments.join('/')}`);
      if (!parsed.ok) throw new Error('a path of segments is always well formed');
      const { path } = parsed.value;
      expect(path.startsWith('/')).toBe(true);
      expect(path.split('/')).not.toEqual(expect.arrayContaining(['..']));
      expect(path.split('/')).not.toEqual(expect.arrayContaining(['.']));
      expect(new URL(`https://x${path}`).pathname).toBe(path);
    }),
    runs(5_000),
  );
});

const LABEL = fc.string({ unit: fc.constantFrom(...'abcz019-_*.%'), maxLength: 6 });
const NAME = fc.oneof(
  fc.constantFrom(
    ...HOSTS,
    'github.com',
    'com',
    'co.uk',
    'github.io',
    's3.amazonaws.com',
    'amazonaws.com',
    'example.co.uk',
  ),
  fc.array(LABEL, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
);
const PATTERN = fc.oneof(
  NAME,
  NAME.map((name) => `*.${name}`),
  fc.string({ maxLength: 12 }),
);

test('a wildcard covers real subdomains of its base and nothing else', () => {
  let covered = 0;
  fc.assert(
    fc.property(PATTERN, NAME, NAME, (text, prefix, other) => {
      const parsed = parseDomainPattern(text);
      if (!parsed.ok) return;
      const base = parsed.pattern.replace(/^\*\./, '');
      const isWildcard = parsed.pattern !== base;
      // Stored once, a pattern is its own canonical form.
      expect(parseDomainPattern(parsed.pattern)).toEqual(parsed);
      expect(base).toMatch(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/);
      expect(matches(parsed.pattern, base)).toBe(!isWildcard);
      for (const host of [`${prefix}.${base}`, `${prefix}${base}`, other, `${base}.${other}`, `${prefix}-${base}`]) {
        if (!isHostname(host) || !matches(parsed.pattern, host)) continue;
        covered += 1;
        expect(isWildcard ? host.endsWith(`.${base}`) && host.length > base.length + 1 : host === base).toBe(true);
      }
    }),
    runs(10_000),
  );
  expect(covered).toBeGreaterThan(100);
});

test('no pattern that can be stored covers two names that strangers register side by side', () => {
  const suffix = fc.constantFrom(
    'com',
    'co.uk',
    'github.io',
    's3.amazonaws.com',
    'herokuapp.com',
    'pages.dev',
    'uk',
    'blogspot.com',
  );
  const label = fc.string({ unit: fc.constantFrom(...'abcxyz019'), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(suffix, label, label, PATTERN, (end, mine, theirs, text) => {
      fc.pre(mine !== theirs);
      const parsed = parseDomainPattern(text);
      const both = [`${mine}.${end}`, `${theirs}.${end}`].every((host) => parsed.ok && matches(parsed.pattern, host));
      expect(both).toBe(false);
      expect(parseDomainPattern(`*.${end}`).ok).toBe(false);
    }),
    runs(5_000),
  );
});
