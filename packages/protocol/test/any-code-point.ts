import type fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 };

/**
 * Any code point that stands alone, as fast-check's own unit `binary` has them; that one first makes a table of all
 * 1.1 million, which costs each file that asks for it a second.
 */
export function anyCodePoint({ integer }: Pick<typeof fc, 'integer'>): fc.Arbitrary<string> {
  const code = integer({ min: 0, max: 0x10ffff - SURROGATES.count });
  return code.map((at) => String.fromCodePoint(at < SURROGATES.first ? at : at + SURROGATES.count));
}
