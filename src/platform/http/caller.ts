import type { IncomingMessage } from 'node:http';
import { RequestSlot } from './request-slot.js';

/** Who sends a request, as far as limits and idempotency need to know, and whether it may not wait for others of its tenant. */
export type Caller = Readonly<{ tenantId: string; principalId: string; urgent?: boolean }>;

const callers = new RequestSlot<Caller>('caller');

type Carrier = { raw: IncomingMessage };

/** Called by the guard that authenticated the request. */
export function setCaller(request: Carrier, caller: Caller): void {
  callers.set(request.raw, caller);
}

/** Undefined on routes that need no sign-in. */
export function callerOf(request: Carrier): Caller | undefined {
  return callers.get(request.raw);
}
