const base64 = (text: string | Buffer): string => Buffer.from(text as string).toString('base64');
const hex = (text: string): string => Buffer.from(text).toString('hex');
const every = (text: string, of: (hexDigits: string) => string): string =>
  [...Buffer.from(text)].map((byte) => of(byte.toString(16).padStart(2, '0'))).join('');
const lowerEscapes = (text: string): string => text.replace(/%../g, (escape) => escape.toLowerCase());
const entities = (text: string): string =>
  text.replace(
    /[&<>"'/+=~]/g,
    (char) => ({ '&': '&amp;', '"': '&quot;', "'": '&#39;' })[char] ?? `&#${char.charCodeAt(0)};`,
  );
const jsonEscapes = (text: string): string => every(text, (digits) => `\\u00${digits}`);

/** Every third character escaped, each time in another way. */
const mixed = (text: string, ways: readonly ((hexDigits: string) => string)[]): string =>
  Array.from(text)
    .map((char, index) =>
      index % 3 === 0 ? (ways[(index / 3) % ways.length] as (digits: string) => string)(hex(char)) : char,
    )
    .join('');

/** The ways in which an upstream may write what it was given (ATTACKS 29 and 31), for printable ASCII. */
export const SPELLINGS: readonly (readonly [name: string, write: (secret: string) => string])[] = [
  ['plain', (secret) => secret],
  ['Bearer', (secret) => `Bearer ${secret}`],
  ['base64', base64],
  ['base64 behind one byte', (secret) => base64(`x${secret}`)],
  ['base64 behind two bytes', (secret) => base64(`xy${secret}`)],
  ['base64 between others', (secret) => base64(`user:${secret}\r\nmore`)],
  ['base64url', (secret) => Buffer.from(secret).toString('base64url')],
  ['base64url behind one byte', (secret) => Buffer.from(`x${secret}`).toString('base64url')],
  ['base64url behind two bytes', (secret) => Buffer.from(`xy${secret}`).toString('base64url')],
  ['Basic', (secret) => `Basic ${base64(`user:${secret}`)}`],
  ['URL-encoded base64', (secret) => encodeURIComponent(base64(secret))],
  ['URL-encoded', encodeURIComponent],
  ['URL-encoded in lower case', (secret) => lowerEscapes(encodeURIComponent(secret))],
  ['URL-encoded twice', (secret) => encodeURIComponent(encodeURIComponent(secret))],
  ['URL-encoded, every byte', (secret) => every(secret, (digits) => `%${digits}`)],
  ['URL-encoded twice, every byte', (secret) => every(secret, (digits) => `%25${digits}`)],
  ['form-encoded', (secret) => new URLSearchParams({ k: secret }).toString().slice(2)],
  ['hex', hex],
  ['hex in capitals', (secret) => hex(secret).toUpperCase()],
  ['JSON', (secret) => JSON.stringify({ k: secret })],
  ['JSON in JSON', (secret) => JSON.stringify({ k: JSON.stringify({ k: secret }) })],
  ['JSON, every character \\u', jsonEscapes],
  ['JSON, \\u in capitals', (secret) => every(secret, (digits) => `\\u00${digits.toUpperCase()}`)],
  ['HTML', entities],
  ['HTML, every character decimal', (secret) => every(secret, (digits) => `&#${parseInt(digits, 16)};`)],
  ['HTML, every character hexadecimal', (secret) => every(secret, (digits) => `&#x${digits};`)],
  ['URL-encoded JSON', (secret) => encodeURIComponent(JSON.stringify({ k: secret }))],
  ['JSON, slashes escaped', (secret) => JSON.stringify({ k: secret }).replaceAll('/', '\\/')],
];

const BLANKS = 'open sesame 0123456789 please';
const LETTERS = 'ключ-ßecret-🔑-0123456789';
const LONG = 'a-key-that-is-longer-than-one-line-of-a-mail/0123456789+=abcdefghijklmnopqrstuvwxyz=0123456789';
const unit = (char: string): string => char.charCodeAt(0).toString(16).padStart(4, '0');

/** Secrets with what printable ASCII without blanks has not, each in a spelling that treats it in a way of its own. */
export const OTHER_SECRETS: readonly (readonly [name: string, secret: string, written: string])[] = [
  ['blanks, form-encoded', BLANKS, new URLSearchParams({ k: BLANKS }).toString().slice(2)],
  ['blanks, URL-encoded', BLANKS, encodeURIComponent(BLANKS)],
  ['letters beyond ASCII, URL-encoded', LETTERS, encodeURIComponent(LETTERS)],
  ['letters beyond ASCII, JSON \\u', LETTERS, LETTERS.replace(/[^\x20-\x7e]/g, (char) => `\\u${unit(char)}`)],
  ['letters beyond ASCII, HTML', LETTERS, LETTERS.replace(/[^\x20-\x7e]/gu, (char) => `&#${char.codePointAt(0)};`)],
  ['base64 in lines of 76', LONG, base64(LONG).replace(/.{76}/g, '$&\r\n')],
  ['hexadecimal in lines of 60', LONG, hex(LONG).replace(/.{60}/g, '$&\n')],
  ['quoted-printable', LONG, LONG.replaceAll('=', '=3D').replace(/.{75}/, '$&=\r\n')],
];

/** Escaped here and there, in one way and in several (ATTACKS 31). */
export const MIXED_SPELLINGS: readonly (readonly [name: string, write: (secret: string) => string])[] = [
  ['some characters %xx', (secret) => mixed(secret, [(digits) => `%${digits}`])],
  ['some characters %XX and %25xx', (secret) => mixed(secret, [(d) => `%${d.toUpperCase()}`, (d) => `%25${d}`])],
  [
    'some characters \\u',
    (secret) => mixed(JSON.stringify(secret).slice(1, -1).replaceAll('\\"', '"'), [(d) => `\\u00${d}`]),
  ],
  ['some characters &#…;', (secret) => mixed(secret, [(d) => `&#x${d};`, (d) => `&#${parseInt(d, 16)};`])],
  ['%, \\u and &# in turn', (secret) => mixed(secret, [(d) => `%${d}`, (d) => `\\u00${d}`, (d) => `&#x${d};`])],
  ['the first character escaped', (secret) => `%${hex(secret[0] as string)}${secret.slice(1)}`],
  ['the last character escaped', (secret) => `${secret.slice(0, -1)}\\u00${hex(secret.at(-1) as string)}`],
];

/** From the middle of every form: long enough that nothing else holds it by chance. */
export function tellTales(secret: string): string[] {
  const middle = secret.slice(8, 20);
  const bases = ['', 'x', 'xy'].flatMap((shift) => {
    const text = Buffer.from(`${shift}${secret}`);
    return [text.toString('base64').slice(12, 24), text.toString('base64url').slice(12, 24)];
  });
  const escaped = [middle, encodeURIComponent(middle), lowerEscapes(encodeURIComponent(middle))];
  const twice = [encodeURIComponent(encodeURIComponent(middle))];
  const written = [JSON.stringify(middle).slice(1, -1), entities(middle), jsonEscapes(middle)];
  return [...new Set([...escaped, ...twice, ...written, ...bases, hex(middle), hex(middle).toUpperCase()])];
}

/** What of the secret is found in `text`, in any form. */
export function leaksIn(text: string, secret: string): string[] {
  return tellTales(secret).filter((telltale) => text.includes(telltale));
}
