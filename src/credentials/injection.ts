/** A field of the credential, where it has fields; left out where it is one value. */
interface OfField {
  readonly field?: string | undefined;
}

/**
 * Where a credential goes when the request names no place for it: behind a scheme in `Authorization`, alone in a header,
 * as a query parameter, or as user name and password (RFC 7617).
 */
export type Injection =
  | ({ readonly kind: 'scheme'; readonly scheme: string } & OfField)
  | ({ readonly kind: 'header'; readonly name: string } & OfField)
  | ({ readonly kind: 'query'; readonly name: string } & OfField)
  | { readonly kind: 'basic' };
