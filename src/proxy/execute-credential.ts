import { Inject, Injectable } from '@nestjs/common';
import { Committers } from '../audit/committers.js';
import type { DecisionView, Verdict } from '../audit/committer.js';
import { GlobalBrake } from '../brakes/global-brake.js';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { TenantKeys } from '../keys/tenant-keys.js';
import { BootId } from '../platform/boot-id.js';
import { InFlightCalls, type OpenCall } from '../platform/outbound/in-flight.js';
import type { StopSignal } from '../platform/stop-signal.js';
import type { EntryRef } from '../tenancy/acts.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { forbidden } from '../tenancy/tenancy.errors.js';
import { ApprovalGate, type Asking, type GatedDecision, type PassedBody, PendingUse } from './approval-gate.js';
import { CallUpstream, type UpstreamAnswer, type UpstreamCall } from './call-upstream.js';
import { factsOf, NO_REQUEST } from './binding-policy.js';
import { decide } from './decide.js';
import { withDefaultInjection } from './default-injection.js';
import { callCut, denied, proofUsed, refused, sessionEnded } from './proxy.errors.js';
import type { Refusal, Result as ParseResult } from './refusal.js';
import { type ExecuteRequest, type ParsedTemplate, parseTemplate } from './template.js';
import { denialEntry, intentEntry, pendingEntry, type UseFacts } from './use-entries.js';
import { UseMetrics } from './use-metrics.js';
import type { UsePolicy } from './use-policy.js';

const USE_SCOPE = 'use:credential';

/** A request for a use, whatever way its answer goes back. */
export interface UseInput {
  readonly credentialName: string;
  readonly purpose: string;
  readonly parsed: ParseResult<ParsedTemplate>;
  readonly timeoutMs: number;
  readonly version: number | undefined;
  /** A person's approval of exactly this request. */
  readonly approvalId?: string | undefined;
  /** How long the request may be held for a person; 0 answers at once that it waits. */
  readonly waitSeconds?: number | undefined;
  /** A body that goes on as it comes, beside the template; `unread` is one that nobody can be asked to approve. */
  readonly passedBody?: PassedBody | undefined;
  /** Aborts when the agent goes away. */
  readonly gone: StopSignal;
}

export interface ExecuteInput extends Omit<UseInput, 'parsed'> {
  readonly request: ExecuteRequest;
}

export interface ExecuteResult extends UpstreamAnswer {
  readonly audit: EntryRef;
}

type Decided = GatedDecision | { readonly kind: 'refused'; readonly refusal: Refusal };
type Result = { readonly kind: 'proof_used' } | Exclude<Decided, { kind: 'unknown_session' | 'reload' }>;

/** What a decision is told of approvals: the one that is presented, and since when this same request was held for it. */
interface Approving {
  readonly presented: Asking['presented'];
  readonly heldSince: EntryRef | null;
}

/**
 * The way of one call (design 4): parse without any secret in sight, decide and make the decision durable in one
 * statement, and only then decrypt, render, dial, redact; the outcome follows in the chain.
 */
@Injectable()
export class ExecuteCredential {
  constructor(
    private readonly committers: Committers<UsePolicy>,
    private readonly globalBrake: GlobalBrake,
    private readonly keys: TenantKeys,
    private readonly inFlight: InFlightCalls,
    private readonly upstream: CallUpstream,
    private readonly gate: ApprovalGate,
    private readonly metrics: UseMetrics,
    private readonly boot: BootId,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(principal: AgentPrincipal, asked: ExecuteInput): Promise<ExecuteResult | PendingUse> {
    const timeoutMs = Math.min(asked.timeoutMs, this.config.outbound.timeoutMs);
    const parsed = parseTemplate(asked.request, { allowCleartext: this.config.environment !== 'production' });
    const { credentialName, purpose, version, approvalId, waitSeconds, passedBody, gone } = asked;
    const input = { credentialName, purpose, parsed, timeoutMs, version, approvalId, waitSeconds, passedBody, gone };
    return this.use(principal, input, async (call) => {
      const answer = await this.upstream.execute(call);
      return { audit: call.intent, ...answer };
    });
  }

  /**
   * Decides, makes the decision durable, and lets `carryOut` do what was allowed. Whatever ends the call is in its signal.
   * What waits for a person is held for as long as the agent said, and then decided again, from the beginning.
   */
  async use<A>(
    principal: AgentPrincipal,
    input: UseInput,
    carryOut: (call: UpstreamCall) => Promise<A>,
  ): Promise<A | PendingUse> {
    if (!principal.scopes.includes(USE_SCOPE)) throw forbidden();
    const { waitSeconds = 0, gone } = input;
    const { tenantId } = principal;
    const presented = await this.gate.presented(tenantId, input.approvalId);
    const first = await this.#once(principal, input, { presented, heldSince: null }, carryOut);
    if (!(first instanceof PendingUse) || waitSeconds === 0) return first;
    if (!(await this.gate.decided(tenantId, first.approval.id, waitSeconds, gone))) return first;
    const approved = await this.gate.presented(tenantId, first.approval.id);
    return this.#once(principal, input, { presented: approved, heldSince: first.audit }, carryOut);
  }

  async #once<A>(
    principal: AgentPrincipal,
    input: UseInput,
    approving: Approving,
    carryOut: (call: UpstreamCall) => Promise<A>,
  ): Promise<A | PendingUse> {
    // A request that was held has spent its proof itself, in the entry it waited with.
    const isHeld = approving.heldSince !== null;
    const jti = isHeld ? undefined : principal.proofId;
    let call: OpenCall | null = null;
    let sessionEnds: NodeJS.Timeout | undefined;
    const verdict = (view: DecisionView<UsePolicy>): Verdict<Result> => {
      call?.close();
      call = null;
      this.globalBrake.assertLease();
      if (!isHeld && view.seen(principal.proofId)) return { kind: 'silent', result: { kind: 'proof_used' } };
      const facts = this.#facts(principal, input, approving, view.nowMs);
      const decision = this.#decide(principal, input, approving, view);
      if (decision.kind === 'reload') return decision;
      if (decision.kind === 'unknown_session') {
        return view.fresh ? { kind: 'silent', result: { kind: 'unauthenticated' } } : { kind: 'reload' };
      }
      if (decision.kind === 'unauthenticated') return { kind: 'silent', result: decision };
      if (decision.kind === 'allowed') {
        // Opened before the intent is durable: a brake that comes right behind it finds the call and cuts it.
        call = this.inFlight.open(labels(principal, decision.credential.id));
        clearTimeout(sessionEnds);
        sessionEnds = this.#cutAtSessionEnd(principal, input, view);
        return { kind: 'entry', draft: intentEntry(facts, decision), jti, result: decision };
      }
      if (decision.kind === 'waiting') {
        return { kind: 'entry', draft: pendingEntry(facts, decision, decision.waiting), jti, result: decision };
      }
      return { kind: 'entry', draft: denialEntry(facts, decision), jti, result: decision };
    };
    try {
      await this.globalBrake.seekLease();
      const { result, ref } = await this.committers.of(principal.tenantId).submit(verdict);
      if (result.kind === 'waiting') return await this.#ask(principal, input, result, ref);
      return await carryOut(this.#allowed(principal, input, result, ref, call));
    } finally {
      clearTimeout(sessionEnds);
      (call as OpenCall | null)?.close();
    }
  }

  #decide(
    principal: AgentPrincipal,
    input: UseInput,
    { presented }: Approving,
    view: DecisionView<UsePolicy>,
  ): Decided {
    const { parsed, passedBody = null } = input;
    const node = {
      globalBrake: this.globalBrake.isOn,
      unsealed: this.keys.isUnsealed(),
      limits: this.config.uses,
      uses: view.uses,
    };
    const request = parsed.ok ? factsOf(parsed.value) : NO_REQUEST;
    const { id: agentId, sessionId } = principal;
    const { credentialName, version } = input;
    const decision = decide(view.policy, { agentId, sessionId, credentialName, version, request }, node, view.nowMs);
    const authentic = decision.kind !== 'unknown_session' && decision.kind !== 'unauthenticated';
    // A refused template comes before everything that looks at the credential (ATTACKS 9), but after the session.
    if (!parsed.ok) return authentic ? { kind: 'refused', refusal: parsed } : decision;
    return this.gate.pass(view, decision, { principal, template: parsed.value, passedBody, presented });
  }

  async #ask(
    principal: AgentPrincipal,
    { credentialName, purpose, parsed }: UseInput,
    use: Extract<Result, { kind: 'waiting' }>,
    ref: EntryRef | null,
  ): Promise<PendingUse> {
    if (ref === null || !parsed.ok) throw new Error('what waits for a person has its entry');
    this.metrics.pending();
    const about = { credentialName, url: parsed.value.target.url, purpose };
    return new PendingUse(await this.gate.ask(principal, use, use.waiting, about), ref);
  }

  /** A session that runs out while the call is under way ends it; nobody else would say so. */
  #cutAtSessionEnd(
    { tenantId, sessionId }: AgentPrincipal,
    { timeoutMs }: UseInput,
    { policy, nowMs }: DecisionView<UsePolicy>,
  ): NodeJS.Timeout | undefined {
    const leftMs = (policy.identity.sessions.get(sessionId)?.expiresAtMs ?? nowMs) - nowMs;
    if (leftMs > timeoutMs) return undefined;
    return setTimeout(() => this.inFlight.cut({ tenantId, sessionId }, 'session_ended'), leftMs).unref();
  }

  #facts(principal: AgentPrincipal, input: UseInput, { heldSince }: Approving, nowMs: number): UseFacts {
    return {
      principal,
      credentialName: input.credentialName,
      purpose: input.purpose,
      template: input.parsed.ok ? input.parsed.value : null,
      timeoutMs: input.timeoutMs,
      nowMs,
      bootId: this.boot.value,
      heldSince: heldSince?.seq ?? null,
      platformSeq: this.globalBrake.platformSeq,
    };
  }

  /** The call that was allowed, or what the caller is told instead. */
  #allowed(
    principal: AgentPrincipal,
    { parsed, gone, timeoutMs }: UseInput,
    result: Exclude<Result, { kind: 'waiting' }>,
    ref: EntryRef | null,
    call: OpenCall | null,
  ): UpstreamCall {
    if (result.kind === 'proof_used') throw proofUsed();
    if (result.kind === 'unauthenticated') throw sessionEnded();
    if (ref === null) throw new Error('a decision about a use always has its entry');
    if (result.kind === 'refused') {
      this.metrics.denied(result.refusal.code);
      throw refused(result.refusal);
    }
    if (result.kind === 'denied') {
      this.metrics.denied(result.code);
      throw denied(result, ref);
    }
    if (call === null || !parsed.ok) throw callCut('decision', ref);
    // One signal for whatever ends the call.
    if (gone.aborted) call.abandon();
    else gone.addEventListener('abort', call.abandon, { once: true });
    const { credential, version } = result;
    const { signal, check } = call;
    const template = withDefaultInjection(parsed.value, credential.injection);
    return { principal, credential, version, template, intent: ref, signal, check, timeoutMs };
  }
}

function labels(principal: AgentPrincipal, credentialId: string) {
  return { tenantId: principal.tenantId, agentId: principal.id, sessionId: principal.sessionId, credentialId };
}
