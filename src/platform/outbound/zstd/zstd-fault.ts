/** The bytes are no zstd, or zstd that breaks off. Ends as every coding that does not fit does: `upstream_protocol_error`. */
export class ZstdFault extends Error {
  override readonly name = 'ZstdFault';
  readonly code = 'ZSTD_CORRUPT';

  constructor() {
    super('the body is not what its coding says');
  }
}

/** Everything an upstream wrote passes through here before it is believed. */
export function must(holds: boolean): asserts holds {
  if (!holds) throw new ZstdFault();
}
