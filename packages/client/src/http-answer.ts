/** Names in lower case; only `set-cookie` has several values. */
export type AnswerHeaders = Record<string, string | string[] | undefined>;
/** A whole answer. */
export type HttpAnswer = { status: number; headers: AnswerHeaders; body: Uint8Array };
/** An answer that is still coming. */
export type HttpStream = { status: number; headers: AnswerHeaders; body: ReadableStream<Uint8Array> };

/** The body as UTF-8 text. */
export const textOf = ({ body }: Pick<HttpAnswer, 'body'>): string => new TextDecoder().decode(body);

/** The headers of a fetched answer as a plain object. */
export function plainHeaders(headers: Headers): AnswerHeaders {
  const plain: AnswerHeaders = {};
  headers.forEach((value, name) => (plain[name] = value));
  const cookies = headers.getSetCookie();
  return cookies.length === 0 ? plain : { ...plain, 'set-cookie': cookies };
}
