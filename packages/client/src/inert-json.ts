const BRACE = 0x7b;
const ESCAPED = new TextEncoder().encode(String.raw`\u007b`);
const JSON_TYPE = /^[^/]+\/(?:[^/;]+\+)?(?:json|ndjson|x-ndjson|jsonl|jsonlines)\b/i;

/** Whether a media type is that of JSON, or of lines of it. */
export const isJson = (type: string | null): boolean => type !== null && JSON_TYPE.test(type);

/**
 * The same JSON, in which nobody finds a placeholder: two braces in a row stand in strings only, and there `\u007b` is one
 * (RFC 8259 section 7). A conversation that mentions `{{CREDENTIAL}}` is not to be sent with the credential in it.
 */
export function inertJson(text: string): string {
  return text.replace(/\{(?=\{)/g, String.raw`\u007b`);
}

/** The same for bytes as they come: holds back one brace at most. */
export class InertJson {
  #held = false;

  push(chunk: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let from = 0;
    if (this.#held && chunk.length > 0) {
      pieces.push(chunk[0] === BRACE ? ESCAPED : Uint8Array.of(BRACE));
      this.#held = false;
    }
    for (let at = chunk.indexOf(BRACE); at !== -1; at = chunk.indexOf(BRACE, at + 1)) {
      const isLast = at === chunk.length - 1;
      if (!isLast && chunk[at + 1] !== BRACE) continue;
      pieces.push(chunk.subarray(from, at));
      from = at + 1;
      if (isLast) this.#held = true;
      else pieces.push(ESCAPED);
    }
    pieces.push(chunk.subarray(from));
    return pieces.filter(({ length }) => length > 0);
  }

  end(): Uint8Array[] {
    return this.#held ? [Uint8Array.of(BRACE)] : [];
  }
}

/** A stream through {@link InertJson}. */
export function inertStream(): TransformStream<Uint8Array, Uint8Array> {
  const inert = new InertJson();
  return new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => inert.push(chunk).forEach((piece) => controller.enqueue(piece)),
    flush: (controller) => inert.end().forEach((piece) => controller.enqueue(piece)),
  });
}
