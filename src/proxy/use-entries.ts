import { approvalKey } from '../credentials/approvals/approvals-policy.js';
import { publicId } from '../platform/ids.js';
import { isoTimes } from '../platform/iso-time.js';
import type { EntryDraft, EntryRef } from '../tenancy/acts.js';
import { actorOf, type AgentPrincipal } from '../tenancy/principal.js';
import type { AllowedUse, Waiting } from './approval-gate.js';
import type { Decision } from './decide.js';
import type { Refusal } from './refusal.js';
import type { ParsedTemplate } from './template.js';

/** Added to a call's own time before the sweep may call its outcome unknown. */
const DEADLINE_MARGIN_MS = 5_000;
const URL_CHARS_MAX = 512;

const iso = isoTimes();

export const USE_ACTION = 'credential.use';

/** What a use's entry is made from; nothing here has seen the secret. */
export interface UseFacts {
  readonly principal: AgentPrincipal;
  readonly credentialName: string;
  readonly purpose: string;
  readonly template: ParsedTemplate | null;
  readonly timeoutMs: number;
  readonly nowMs: number;
  /** Of the process that admits it. */
  readonly bootId: string;
  /** The entry in which this same request, its proof spent, began to wait for a person; null for a new one. */
  readonly heldSince: number | null;
  /** The position of the platform chain the global brake was read at. */
  readonly platformSeq: number;
}

type Allowed = Extract<Decision, { kind: 'allowed' }>;
type Denied = Extract<Decision, { kind: 'denied' }> | { readonly kind: 'refused'; readonly refusal: Refusal };

/** The intent: durable before the credential is decrypted (P3). */
export function intentEntry(facts: UseFacts, { credential, version, approvalId }: Allowed): EntryDraft {
  const details = {
    credential: publicId('crd', credential.id),
    version,
    flags: credential.flags,
    boot: facts.bootId,
    deadline: iso(facts.nowMs + facts.timeoutMs + DEADLINE_MARGIN_MS),
    ...common(facts),
    ...approvalOf(approvalId),
  };
  return { actor: actorOf(facts.principal), action: USE_ACTION, outcome: 'intent', details };
}

/** A use that waits for a person: nothing is decrypted, and what follows is decided anew. */
export function pendingEntry(facts: UseFacts, { credential, version }: AllowedUse, waiting: Waiting): EntryDraft {
  const details = {
    credential: publicId('crd', credential.id),
    version,
    flags: credential.flags,
    approval: approvalKey(waiting.id),
    request_hash: waiting.requestHash,
    ...common(facts),
  };
  return { actor: actorOf(facts.principal), action: USE_ACTION, outcome: 'pending', details };
}

/** A denial is its own and only entry. */
export function denialEntry(facts: UseFacts, denied: Denied): EntryDraft {
  const code = denied.kind === 'refused' ? denied.refusal.code : denied.code;
  const credential = denied.kind === 'denied' ? denied.credential : undefined;
  const details = {
    code,
    ...common(facts),
    ...(denied.kind === 'denied' && denied.brakeScope !== undefined ? { brake_scope: denied.brakeScope } : {}),
    ...(credential === undefined ? {} : { credential: publicId('crd', credential.id), flags: credential.flags }),
    ...approvalOf(denied.kind === 'denied' ? denied.approvalId : undefined),
  };
  return { actor: actorOf(facts.principal), action: USE_ACTION, outcome: 'denied', details };
}

export type UseOutcome = 'success' | 'failure' | 'cut';

/** What became of a use, behind its intent. */
export function outcomeEntry(
  principal: AgentPrincipal,
  intent: EntryRef,
  outcome: UseOutcome,
  details: Record<string, unknown>,
): EntryDraft {
  return {
    actor: actorOf(principal),
    action: `${USE_ACTION}.outcome`,
    outcome,
    details: { intent: intent.seq, ...details },
  };
}

/** An answer held the credential: how often, and in which parts. Behind the outcome of the use. */
export function redactedEntry(
  principal: AgentPrincipal,
  intent: EntryRef,
  count: number,
  places: readonly string[],
): EntryDraft {
  return {
    actor: actorOf(principal),
    action: 'credential.redacted',
    outcome: 'success',
    details: { intent: intent.seq, count, places: [...places] },
  };
}

const approvalOf = (id: string | undefined) => (id === undefined ? {} : { approval: approvalKey(id) });

function common(facts: UseFacts): Record<string, unknown> {
  const { principal, template } = facts;
  return {
    name: facts.credentialName,
    purpose: facts.purpose,
    session: publicId('ses', principal.sessionId),
    platform_seq: facts.platformSeq,
    ...(facts.heldSince === null ? { jti: principal.proofId } : { held_since: facts.heldSince }),
    ...(template === null ? {} : { method: template.method, url: template.target.url.slice(0, URL_CHARS_MAX) }),
  };
}
