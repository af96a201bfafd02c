import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { DecisionView } from '../audit/committer.js';
import {
  type ApprovalDenial,
  judge,
  PENDING_PER_AGENT_MAX,
  stateAt,
  type UseApproval,
} from '../credentials/approvals/approval.js';
import { approvalKey } from '../credentials/approvals/approvals-policy.js';
import { AwaitDecision } from '../credentials/approvals/await-decision.js';
import { ReadApprovals } from '../credentials/approvals/read-approvals.js';
import { type PendingApproval, RequestApproval } from '../credentials/approvals/request-approval.js';
import { type RequestImage, requestHash } from '../credentials/approvals/request-image.js';
import type { CredentialPolicy } from '../credentials/credentials-policy.js';
import { newUuid } from '../platform/ids.js';
import type { StopSignal } from '../platform/stop-signal.js';
import type { EntryRef } from '../tenancy/acts.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import type { Decision } from './decide.js';
import { withDefaultInjection } from './default-injection.js';
import { imageOf } from './request-image-of.js';
import type { ParsedTemplate } from './template.js';
import type { UsePolicy } from './use-policy.js';

/** A use that is in order but for a person's word. */
export interface AllowedUse {
  readonly credential: CredentialPolicy;
  readonly version: number;
}

/** A body that is no part of the template: bytes that are sent as they are, or a stream that nobody has read. */
export type PassedBody = Uint8Array | 'unread' | null;

export interface Asking {
  readonly principal: AgentPrincipal;
  readonly template: ParsedTemplate;
  readonly passedBody: PassedBody;
  /** The approval the agent presents, and what is known of it outside the policy. */
  readonly presented: { readonly id: string; readonly known: UseApproval | undefined } | null;
}

/** Waits for a person. */
export interface Waiting {
  readonly id: string;
  readonly requestHash: string;
  readonly image: RequestImage;
  /** Until when, if it waits already. */
  readonly expiresAt: Date | null;
}

/** A decision behind this check. */
export type GatedDecision =
  Decision | ({ readonly kind: 'waiting'; readonly waiting: Waiting } & AllowedUse) | { readonly kind: 'reload' };

type GateVerdict =
  | { readonly kind: 'open'; readonly approvalId?: string }
  | { readonly kind: 'reload' }
  | {
      readonly kind: 'closed';
      readonly code: ApprovalDenial | 'too_many_approvals' | 'template_refused';
      readonly detail?: string;
    }
  | { readonly kind: 'waiting'; readonly waiting: Waiting };

/** A use that waits: what the agent is told instead of an answer. */
export class PendingUse {
  constructor(
    readonly approval: PendingApproval,
    readonly audit: EntryRef,
  ) {}
}

const ASKING_MAX = 10_000;
const UNREAD = 'A person approves each use of this credential, and cannot look at a body of this type or length.';

/** The last check of the fixed order: a credential of which each use is approved by a person. */
@Injectable()
export class ApprovalGate {
  /** Asked for by requests of this process that are not written down yet, by what they ask. */
  readonly #asking = new LRUCache<string, string>({ max: ASKING_MAX });

  constructor(
    private readonly read: ReadApprovals,
    private readonly requestApproval: RequestApproval,
    private readonly awaitDecision: AwaitDecision,
  ) {}

  /** What an approval is that a request presents, whether decisions still have it in memory or not. */
  async presented(tenantId: string, id: string | undefined): Promise<Asking['presented']> {
    return id === undefined ? null : { id, known: await this.read.known(tenantId, id) };
  }

  /** Taken inside the decision, from the policy alone: it is made true by the same statement. */
  pass(view: DecisionView<UsePolicy>, decision: Decision, asking: Asking): GatedDecision {
    if (decision.kind !== 'allowed') return decision;
    const verdict = this.#judge(view, decision, asking);
    const { credential, version } = decision;
    switch (verdict.kind) {
      case 'open':
        return verdict.approvalId === undefined ? decision : { ...decision, approvalId: verdict.approvalId };
      case 'closed': {
        const { kind: _, ...why } = verdict;
        const approvalId = asking.presented === null ? {} : { approvalId: asking.presented.id };
        return { kind: 'denied', credential, ...why, ...approvalId };
      }
      case 'waiting':
        return { kind: 'waiting', credential, version, waiting: verdict.waiting };
      case 'reload':
        return verdict;
    }
  }

  #judge(view: DecisionView<UsePolicy>, { credential, version }: AllowedUse, asking: Asking): GateVerdict {
    const { principal, presented } = asking;
    // An approval that is presented is looked at and spent, also where none is asked for any more.
    if (credential.approval === 'none' && presented === null) return { kind: 'open' };
    if (asking.passedBody === 'unread') return { kind: 'closed', code: 'template_refused', detail: UNREAD };
    const binding = credential.versions.get(version)?.binding;
    if (binding === undefined) throw new Error('a decision names a version of its own policy');
    const image = imageOf(withDefaultInjection(asking.template, credential.injection), asking.passedBody);
    const hash = requestHash(image, { agentId: principal.id, credentialId: credential.id, version, binding });
    if (presented === null) return this.#ask(view, principal, hash, image);

    const { id } = presented;
    const inMemory = view.policy.approvals.get(id);
    const asked = { agentId: principal.id, requestHash: hash, spent: view.spent(approvalKey(id)) };
    const verdict = judge(inMemory ?? presented.known, asked, view.nowMs);
    if (verdict.kind === 'denied') return { kind: 'closed', code: verdict.code };
    // What is not in the policy allows nothing, whatever was read of it before.
    if (inMemory === undefined) return view.fresh ? { kind: 'closed', code: 'approval_expired' } : { kind: 'reload' };
    if (verdict.kind === 'pending') return waits(inMemory, image);
    return { kind: 'open', approvalId: id };
  }

  /** The same request that waits already waits once. */
  #ask(view: DecisionView<UsePolicy>, principal: AgentPrincipal, hash: string, image: RequestImage): GateVerdict {
    const own = [...view.policy.approvals.values()].filter(
      (one) => one.agentId === principal.id && stateAt(one, view.nowMs) === 'pending',
    );
    const same = own.find((one) => one.requestHash === hash);
    if (same === undefined && own.length >= PENDING_PER_AGENT_MAX)
      return { kind: 'closed', code: 'too_many_approvals' };
    if (same !== undefined) return waits(same, image);
    const id = this.#asking.get(hash) ?? newUuid();
    this.#asking.set(hash, id);
    return { kind: 'waiting', waiting: { id, requestHash: hash, image, expiresAt: null } };
  }

  /** Behind the decision: the request stands in the list that people look at. */
  async ask(
    principal: AgentPrincipal,
    { credential, version }: AllowedUse,
    { id, requestHash: hash, image, expiresAt }: Waiting,
    about: { readonly credentialName: string; readonly url: string; readonly purpose: string },
  ): Promise<PendingApproval> {
    if (expiresAt !== null) return { id, expiresAt };
    try {
      const use = { ...about, credentialId: credential.id, version, image, requestHash: hash };
      return await this.requestApproval.execute(principal, id, use);
    } finally {
      this.#asking.delete(hash);
    }
  }

  /** Whether somebody decided within the time. */
  async decided(tenantId: string, id: string, waitSeconds: number, gone: StopSignal): Promise<boolean> {
    return (await this.awaitDecision.execute(tenantId, id, waitSeconds * 1000, gone)) !== 'pending';
  }
}

const waits = ({ id, requestHash: hash, expiresAtMs }: UseApproval, image: RequestImage): GateVerdict => ({
  kind: 'waiting',
  waiting: { id, requestHash: hash, image, expiresAt: new Date(expiresAtMs) },
});
