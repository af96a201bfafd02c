import type { Form } from './patterns.js';

/** Longer beginnings of patterns let the sieve take longer steps; beyond this there is little to gain. */
const WINDOW_MAX = 32;
const CLASSES_BITS = 6;
const CLASSES = 1 << CLASSES_BITS;

/** Bytes that any alphabet takes for the same symbol are in one class; all others are spread over what is left. */
const CLASS_OF = Uint8Array.from({ length: 256 }, (_unused, byte) => {
  const char = String.fromCharCode(byte).toLowerCase();
  if ('+- '.includes(char)) return 0;
  if ('/_'.includes(char)) return 1;
  const known = 'abcdefghijklmnopqrstuvwxyz0123456789'.indexOf(char);
  return known >= 0 ? 2 + known : 38 + (byte % (CLASSES - 38));
});

/**
 * Says where in a text a pattern could begin, mostly without looking at each character (Wu and Manber): the two characters at
 * the end of a window tell how far the window can move before any pattern's beginning could fill it.
 */
export class Sieve {
  readonly #window: number;
  readonly #steps: Uint8Array;

  constructor(forms: readonly Form[]) {
    this.#window = Math.min(WINDOW_MAX, ...forms.map(({ text }) => text.length));
    this.#steps = new Uint8Array(CLASSES * CLASSES).fill(Math.max(1, this.#window - 1));
    for (const { text } of forms) {
      for (let at = 1; at < this.#window; at += 1) {
        const pair = pairOf(text[at - 1] as number, text[at] as number);
        this.#steps[pair] = Math.min(this.#steps[pair] as number, this.#window - 1 - at);
      }
    }
  }

  /** Whether any pattern could begin in a text that is all there is. */
  isSuspect(text: Uint8Array): boolean {
    return this.next(text, 0) <= text.length - this.#window;
  }

  /** The first position from `from` on where a pattern could begin, or where one could that the text does not hold to its end. */
  next(text: Uint8Array, from: number): number {
    const window = this.#window;
    const steps = this.#steps;
    if (window < 2) return from;
    let end = from + window - 1;
    while (end < text.length) {
      const step = steps[pairOf(text[end - 1] as number, text[end] as number)] as number;
      if (step === 0) return end - window + 1;
      end += step;
    }
    return Math.max(from, text.length - window + 1);
  }
}

const pairOf = (left: number, right: number): number =>
  ((CLASS_OF[left] as number) << CLASSES_BITS) | (CLASS_OF[right] as number);
