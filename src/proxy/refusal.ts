export type RefusalCode = 'url_refused' | 'template_refused' | 'payload_too_large';

/** An expected refusal, as data. `detail` is written for the caller and quotes nothing of a header, query, body or secret. */
export type Refusal = { readonly ok: false; readonly code: RefusalCode; readonly detail: string };
export type Result<T> = { readonly ok: true; readonly value: T } | Refusal;

/** Carries a refusal up to `result`, inside this folder only. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(
    readonly code: RefusalCode,
    readonly detail: string,
  ) {
    super(detail);
  }
}

/** Turns what `work` returns, or the refusal it throws, into data; anything else it throws is a fault and goes on up. */
export function result<T>(work: () => T): Result<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, code: error.code, detail: error.detail };
    throw error;
  }
}

export function refuseUrlUnless(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new Refused('url_refused', detail);
}

export function refuseTemplateUnless(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new Refused('template_refused', detail);
}
