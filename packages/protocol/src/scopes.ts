/** What kind of receipt an operation leaves; `none` for none, `credential` only on request. */
export type ScopeReceipt =
  | 'find'
  | 'quote'
  | 'hire'
  | 'deliver'
  | 'accept'
  | 'authorize'
  | 'pay'
  | 'void'
  | 'refund'
  | 'settle'
  | 'dispute'
  | 'credential'
  | 'none';

/**
 * The fourteen scopes, in the protocol's order (section 5), each with its one operation and the receipt it leaves.
 * One scope, one operation, no wildcard, no hierarchy: adding one is a protocol version.
 */
export const SCOPE_TABLE = [
  { scope: 'read:market.find', method: 'POST', path: '/v1/find', receipt: 'find' },
  { scope: 'read:market.quotes', method: 'POST', path: '/v1/quotes', receipt: 'quote' },
  { scope: 'write:contract.hire', method: 'POST', path: '/v1/contracts', receipt: 'hire' },
  { scope: 'write:contract.deliver', method: 'POST', path: '/v1/contracts/{id}/delivery', receipt: 'deliver' },
  { scope: 'write:contract.accept', method: 'POST', path: '/v1/contracts/{id}/acceptance', receipt: 'accept' },
  { scope: 'write:payment.authorize', method: 'POST', path: '/v1/payments', receipt: 'authorize' },
  { scope: 'write:payment.capture', method: 'POST', path: '/v1/payments/{id}/capture', receipt: 'pay' },
  { scope: 'write:payment.void', method: 'POST', path: '/v1/payments/{id}/void', receipt: 'void' },
  { scope: 'write:payment.refund', method: 'POST', path: '/v1/payments/{id}/refund', receipt: 'refund' },
  { scope: 'write:settlement.settle', method: 'POST', path: '/v1/contracts/{id}/settlement', receipt: 'settle' },
  { scope: 'write:dispute.open', method: 'POST', path: '/v1/disputes', receipt: 'dispute' },
  { scope: 'write:dispute.progress', method: 'POST', path: '/v1/disputes/{id}/events', receipt: 'dispute' },
  { scope: 'write:receipt.post', method: 'POST', path: '/v1/receipts', receipt: 'none' },
  { scope: 'use:credential', method: 'POST', path: '/v1/credentials/{name}/execute', receipt: 'credential' },
] as const satisfies readonly { scope: string; method: 'POST'; path: string; receipt: ScopeReceipt }[];

/** One of the fourteen scopes. */
export type Scope = (typeof SCOPE_TABLE)[number]['scope'];

/** A scope with its operation. */
export type ScopeRow = (typeof SCOPE_TABLE)[number];

const ROWS: ReadonlyMap<string, ScopeRow> = new Map(SCOPE_TABLE.map((row) => [row.scope, row]));

/** The names of all fourteen scopes, in order. */
export const SCOPES: readonly Scope[] = SCOPE_TABLE.map((row) => row.scope);

/** Whether `text` is exactly one of the fourteen scopes. */
export function isScope(text: string): text is Scope {
  return ROWS.has(text);
}

/** The operation of a scope. */
export function scopeRow(scope: Scope): ScopeRow {
  return ROWS.get(scope)!;
}

/**
 * The scopes of a space-separated `scope` parameter (RFC 6749 section 3.3), in the order given.
 * @returns undefined when any part is unknown, repeated or empty
 */
export function parseScopes(text: string): Scope[] | undefined {
  const parts = text.split(' ');
  if (new Set(parts).size !== parts.length || !parts.every(isScope)) return undefined;
  return parts;
}
