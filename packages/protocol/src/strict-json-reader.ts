import type { JsonObject, JsonValue } from './json-value.js';
import { StrictJsonError, type StrictJsonErrorCode } from './strict-json-error.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const ESCAPED: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Reads one document; see `parseStrict`, the only caller. */
export class StrictJsonReader {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly text: string,
    private readonly maxDepth: number,
    private readonly fractions = false,
  ) {}

  document(): JsonValue {
    if (this.text.charCodeAt(0) === 0xfeff) this.fail('encoding');
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.fail('syntax');
    return value;
  }

  private value(): JsonValue {
    this.space();
    const code = this.text.charCodeAt(this.at);
    switch (code) {
      case QUOTE:
        return this.string();
      case 0x7b:
        return this.object();
      case 0x5b:
        return this.array();
      case 0x74:
        return this.word('true', true);
      case 0x66:
        return this.word('false', false);
      case 0x6e:
        return this.word('null', null);
      default:
        if (code === MINUS || (code >= ZERO && code <= NINE)) return this.number();
        return this.fail('syntax');
    }
  }

  private object(): JsonObject {
    this.descend();
    const object: JsonObject = {};
    if (!this.closes(0x7d)) {
      do {
        this.space();
        const start = this.at;
        if (this.text.charCodeAt(start) !== QUOTE) this.fail('syntax');
        const key = this.string();
        if (Object.hasOwn(object, key)) this.fail('duplicate_key', start);
        this.space();
        if (this.text.charCodeAt(this.at++) !== 0x3a) this.fail('syntax', this.at - 1);
        const value = this.value();
        // Plain assignment to `__proto__` would set the prototype instead.
        if (key === '__proto__') {
          Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
        } else object[key] = value;
      } while (this.continues(0x7d));
    }
    this.depth--;
    return object;
  }

  private array(): JsonValue[] {
    this.descend();
    const array: JsonValue[] = [];
    if (!this.closes(0x5d)) {
      do array.push(this.value());
      while (this.continues(0x5d));
    }
    this.depth--;
    return array;
  }

  private string(): string {
    const { text } = this;
    let from = ++this.at;
    let done = '';
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === QUOTE) {
        done += text.slice(from, this.at++);
        return done;
      }
      if (code === BACKSLASH) {
        done += text.slice(from, this.at) + this.escape();
        from = this.at;
      } else if (code >= 0xd800 && code <= 0xdfff) {
        if (!isPair(code, text.charCodeAt(this.at + 1))) this.fail('lone_surrogate');
        this.at += 2;
      } else if (code >= 0x20) this.at++;
      else this.fail('syntax'); // a control character, or (NaN) the end of the text
    }
  }

  private escape(): string {
    const start = this.at;
    const letter = this.text[this.at + 1];
    this.at += 2;
    if (letter !== 'u') return ESCAPED[letter ?? ''] ?? this.fail('syntax', start);
    const unit = this.hexUnit(start);
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    // The other half must be escaped as well: a plain one alone would be ill-formed text.
    if (this.text.charCodeAt(this.at) !== BACKSLASH || this.text[this.at + 1] !== 'u')
      this.fail('lone_surrogate', start);
    this.at += 2;
    const low = this.hexUnit(this.at - 2);
    if (!isPair(unit, low)) this.fail('lone_surrogate', start);
    return String.fromCharCode(unit, low);
  }

  private hexUnit(start: number): number {
    const digits = this.text.slice(this.at, this.at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail('syntax', start);
    this.at += 4;
    return Number.parseInt(digits, 16);
  }

  private number(): number {
    const start = this.at;
    if (this.text.charCodeAt(this.at) === MINUS) this.at++;
    const first = this.at;
    this.digits();
    if (this.at - first > 1 && this.text.charCodeAt(first) === ZERO) this.fail('syntax', start);
    if (this.text[this.at] === '.') {
      this.at++;
      this.digits();
    }
    const mantissa = this.text.slice(first, this.at);
    let exponent = 0;
    if (this.text[this.at] === 'e' || this.text[this.at] === 'E') {
      const sign = this.text[++this.at];
      if (sign === '+' || sign === '-') this.at++;
      const digits = this.at;
      this.digits();
      exponent = Number(this.text.slice(digits, this.at)) * (sign === '-' ? -1 : 1);
    }
    const value = Number(this.text.slice(start, this.at));
    const plain = this.at === first + mantissa.length && !mantissa.includes('.');
    if (this.fractions && !plain && Number.isFinite(value)) return value;
    // Asked of the digits too: a fraction can be lost in rounding, as in 9007199254740990.9.
    if (!Number.isSafeInteger(value) || Object.is(value, -0) || !isWhole(mantissa, exponent))
      this.fail('number', start);
    return value;
  }

  private digits(): void {
    const start = this.at;
    while (isDigit(this.text.charCodeAt(this.at))) this.at++;
    if (this.at === start) this.fail('syntax');
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('syntax');
    this.at += word.length;
    return value;
  }

  private descend(): void {
    if (++this.depth > this.maxDepth) this.fail('depth');
    this.at++;
  }

  private closes(bracket: number): boolean {
    this.space();
    if (this.text.charCodeAt(this.at) !== bracket) return false;
    this.at++;
    return true;
  }

  private continues(bracket: number): boolean {
    this.space();
    const code = this.text.charCodeAt(this.at);
    if (code !== COMMA && code !== bracket) this.fail('syntax');
    this.at++;
    return code === COMMA;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private fail(code: StrictJsonErrorCode, position = this.at): never {
    throw new StrictJsonError(code, position);
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** Whether `mantissa · 10^exponent` is mathematically whole. */
function isWhole(mantissa: string, exponent: number): boolean {
  const point = mantissa.indexOf('.');
  if (point < 0 && exponent >= 0) return true;
  const decimals = (point < 0 ? 0 : mantissa.length - point - 1) - exponent;
  const digits = mantissa.replace('.', '');
  const significant = digits.replace(/0+$/, '').length;
  return significant === 0 || digits.length - significant >= decimals;
}

function isPair(high: number, low: number): boolean {
  return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}
