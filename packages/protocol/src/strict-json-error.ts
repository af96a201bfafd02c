/**
 * Why a text is no strict JSON:
 * `too_large` more bytes than allowed · `encoding` no UTF-8, or a BOM · `depth` nested too deeply ·
 * `duplicate_key` a key twice in one object · `lone_surrogate` half a surrogate pair, plain or escaped ·
 * `number` not a safe integer, or negative zero · `syntax` anything else RFC 8259 forbids
 */
export type StrictJsonErrorCode =
  'too_large' | 'encoding' | 'depth' | 'duplicate_key' | 'lone_surrogate' | 'number' | 'syntax';

/** A text was refused as strict JSON. Carries nothing of the text itself, which may be secret. */
export class StrictJsonError extends Error {
  override readonly name = 'StrictJsonError';

  constructor(
    readonly code: StrictJsonErrorCode,
    /** Where, in UTF-16 code units from the start (in bytes for `too_large`). */
    readonly position: number,
  ) {
    super(`not strict JSON: ${code} at ${position}`);
  }
}
