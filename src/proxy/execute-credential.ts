import { Inject, Injectable } from '@nestjs/common';
import { Committers } from '../audit/committers.js';
import type { DecisionView, Verdict } from '../audit/committer.js';
import { GlobalBrake } from '../brakes/global-brake.js';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { TenantKeys } from '../keys/tenant-keys.js';
import { InFlightCalls, type OpenCall } from '../platform/outbound/in-flight.js';
import type { EntryRef } from '../tenancy/acts.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { forbidden } from '../tenancy/tenancy.errors.js';
import { CallUpstream, type UpstreamAnswer, type UpstreamCall } from './call-upstream.js';
import { factsOf, NO_REQUEST } from './binding-policy.js';
import { type Decision, decide } from './decide.js';
import { withDefaultInjection } from './default-injection.js';
import { callCut, denied, proofUsed, refused, sessionEnded } from './proxy.errors.js';
import type { Refusal, Result as ParseResult } from './refusal.js';
import { type ExecuteRequest, type ParsedTemplate, parseTemplate } from './template.js';
import { denialEntry, intentEntry, type UseFacts } from './use-entries.js';
import type { UsePolicy } from './use-policy.js';

const USE_SCOPE = 'use:credential';

/** A request for a use, whatever way its answer goes back. */
export interface UseInput {
  readonly credentialName: string;
  readonly purpose: string;
  readonly parsed: ParseResult<ParsedTemplate>;
  readonly timeoutMs: number;
  readonly version: number | undefined;
  /** Aborts when the agent goes away. */
  readonly gone: AbortSignal;
}

export interface ExecuteInput extends Omit<UseInput, 'parsed'> {
  readonly request: ExecuteRequest;
}

export interface ExecuteResult extends UpstreamAnswer {
  readonly audit: EntryRef;
}

type Result =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'proof_used' }
  | Exclude<Decision, { kind: 'unknown_session' }>;

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
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(principal: AgentPrincipal, asked: ExecuteInput): Promise<ExecuteResult> {
    const timeoutMs = Math.min(asked.timeoutMs, this.config.outbound.timeoutMs);
    const parsed = parseTemplate(asked.request, { allowCleartext: this.config.environment !== 'production' });
    return this.use(principal, { ...asked, parsed, timeoutMs }, async (call) => ({
      ...(await this.upstream.execute(call)),
      audit: call.intent,
    }));
  }

  /** Decides, makes the decision durable, and lets `carryOut` do what was allowed. Whatever ends the call is in its signal. */
  async use<A>(principal: AgentPrincipal, input: UseInput, carryOut: (call: UpstreamCall) => Promise<A>): Promise<A> {
    if (!principal.scopes.includes(USE_SCOPE)) throw forbidden();
    const { parsed } = input;
    let call: OpenCall | null = null;
    let sessionEnds: NodeJS.Timeout | undefined;
    const verdict = (view: DecisionView<UsePolicy>): Verdict<Result> => {
      call?.close();
      call = null;
      this.globalBrake.assertLease();
      if (view.seen(principal.proofId)) return { kind: 'silent', result: { kind: 'proof_used' } };
      const facts = this.#facts(principal, input, parsed.ok ? parsed.value : null, view.nowMs);
      const decision = this.#decide(principal, input, parsed, view);
      if (decision.kind === 'unknown_session') {
        return view.fresh ? { kind: 'silent', result: { kind: 'unauthenticated' } } : { kind: 'reload' };
      }
      if (decision.kind === 'unauthenticated') return { kind: 'silent', result: decision };
      if (decision.kind === 'allowed') {
        // Opened before the intent is durable: a brake that comes right behind it finds the call and cuts it.
        call = this.inFlight.open(labels(principal, decision.credential.id));
        clearTimeout(sessionEnds);
        sessionEnds = this.#cutAtSessionEnd(principal, input, view);
        return { kind: 'entry', draft: intentEntry(facts, decision), jti: principal.proofId, result: decision };
      }
      return { kind: 'entry', draft: denialEntry(facts, decision), jti: principal.proofId, result: decision };
    };
    try {
      await this.globalBrake.seekLease();
      const { result, ref } = await this.committers.of(principal.tenantId).submit(verdict);
      return await carryOut(this.#allowed(principal, input, result, ref, call));
    } finally {
      clearTimeout(sessionEnds);
      (call as OpenCall | null)?.close();
    }
  }

  #decide(
    principal: AgentPrincipal,
    input: UseInput,
    parsed: UseInput['parsed'],
    view: DecisionView<UsePolicy>,
  ): Decision | { readonly kind: 'refused'; readonly refusal: Refusal } {
    const node = {
      globalBrake: this.globalBrake.isOn,
      unsealed: this.keys.isUnsealed(),
      limits: this.config.uses,
      uses: view.uses,
    };
    const asked = { agentId: principal.id, sessionId: principal.sessionId, credentialName: input.credentialName };
    const request = parsed.ok ? factsOf(parsed.value) : NO_REQUEST;
    const decision = decide(view.policy, { ...asked, version: input.version, request }, node, view.nowMs);
    const authentic = decision.kind !== 'unknown_session' && decision.kind !== 'unauthenticated';
    // A refused template comes before everything that looks at the credential (ATTACKS 9), but after the session.
    return authentic && !parsed.ok ? { kind: 'refused', refusal: parsed } : decision;
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

  #facts(principal: AgentPrincipal, input: UseInput, template: ParsedTemplate | null, nowMs: number): UseFacts {
    return {
      principal,
      credentialName: input.credentialName,
      purpose: input.purpose,
      template,
      timeoutMs: input.timeoutMs,
      nowMs,
      platformSeq: this.globalBrake.platformSeq,
    };
  }

  /** The call that was allowed, or what the caller is told instead. */
  #allowed(
    principal: AgentPrincipal,
    { parsed, gone, timeoutMs }: UseInput,
    result: Result,
    ref: EntryRef | null,
    call: OpenCall | null,
  ): UpstreamCall {
    if (result.kind === 'proof_used') throw proofUsed();
    if (result.kind === 'unauthenticated') throw sessionEnded();
    if (ref === null) throw new Error('a decision about a use always has its entry');
    if (result.kind === 'refused') throw refused(result.refusal);
    if (result.kind === 'denied') throw denied(result, ref);
    if (call === null || !parsed.ok) throw callCut('decision', ref);
    // One signal for whatever ends the call; joining two by AbortSignal.any costs more than the rest of the bookkeeping.
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
