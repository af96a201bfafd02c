import { Injectable } from '@nestjs/common';
import { newUuid, publicId } from '../platform/ids.js';
import { type Act, Acts } from '../tenancy/acts.js';
import {
  countLiveSessions,
  findSessionByKey,
  insertSession,
  type SessionRow,
  updateSession,
} from './agent-sessions.repository.js';
import { type AgentRow, findAgentRow } from './agents.repository.js';
import { RenewalScore } from './behaviour/renewal-score.js';
import { SessionApprovals } from './session-approvals.js';
import { deadlineMs, firstStep, nextStep, type SessionStep } from './session-rules.js';

export type Opened =
  | { readonly kind: 'open'; readonly session: SessionRow }
  | { readonly kind: 'pending'; readonly sessionId: string; readonly isNew: boolean }
  /** A person said no. */
  | { readonly kind: 'denied' }
  | { readonly kind: 'refused'; readonly why: string }
  /** Suspended, revoked, or given another key since it was authenticated. */
  | { readonly kind: 'agent_not_active' };

type Granting = Extract<SessionStep, { kind: 'begin' | 'renew' | 'collect' }>;

/** A session is an agent and a DPoP key. A new key begins one, a known key renews it, within what the tier allows. */
@Injectable()
export class OpenSession {
  constructor(
    private readonly acts: Acts,
    private readonly renewalScore: RenewalScore,
    private readonly approvals: SessionApprovals,
  ) {}

  execute(tenantId: string, authenticated: Pick<AgentRow, 'id' | 'apiKeyId'>, jkt: string): Promise<Opened> {
    return this.acts.run(tenantId, async (act) => {
      // Read again under the head's lock: a suspension may have come in between.
      const agent = await findAgentRow(act.tx, authenticated.id);
      if (agent?.state !== 'active' || agent.apiKeyId !== authenticated.apiKeyId) return { kind: 'agent_not_active' };
      const session = await findSessionByKey(act.tx, agent.id, jkt);
      if (session === undefined) return this.#first(act, agent, jkt);
      return this.#next(act, agent, session);
    });
  }

  async #first(act: Act, agent: AgentRow, jkt: string): Promise<Opened> {
    const now = new Date(act.nowMs);
    const step = firstStep(agent.tier, await countLiveSessions(act.tx, agent.id, now), act.nowMs);
    if (step.kind === 'refuse') return { kind: 'refused', why: step.why };
    if (step.kind !== 'begin' && step.kind !== 'ask') throw new Error(`a new key cannot ${step.kind}`);
    const { tier, expiresAtMs } = step;
    const state = step.kind === 'begin' ? 'active' : 'pending';
    const row = {
      id: newUuid(),
      agentId: agent.id,
      jkt,
      state,
      tier,
      createdAt: now,
      expiresAt: new Date(expiresAtMs),
    } as const;
    const session = await insertSession(act.tx, row);
    if (step.kind === 'begin') return this.#opened(act, session, 'session.begin');
    return this.#asked(act, session);
  }

  async #next(act: Act, agent: AgentRow, session: SessionRow): Promise<Opened> {
    const step = nextStep(session, agent.tier, act.nowMs);
    if (step.kind === 'renew' || step.kind === 'ask_again') {
      const why = await this.renewalScore.refusal(act, agent, session.id);
      if (why !== null) return { kind: 'refused', why };
    }
    switch (step.kind) {
      case 'renew':
      case 'collect':
        return this.#grant(act, session, step);
      case 'ask_again': {
        const { tier } = step;
        const changes = { state: 'pending', tier, renewalsUsed: session.renewalsUsed + 1 } as const;
        return this.#asked(act, await updateSession(act.tx, session.id, changes));
      }
      case 'wait':
        return { kind: 'pending', sessionId: session.id, isNew: false };
      case 'denied':
        return { kind: 'denied' };
      case 'refuse':
        return { kind: 'refused', why: step.why };
      default:
        throw new Error(`a known key cannot ${step.kind}`);
    }
  }

  async #grant(act: Act, session: SessionRow, { kind, tier, expiresAtMs }: Granting): Promise<Opened> {
    const renewalsUsed = session.renewalsUsed + (kind === 'renew' ? 1 : 0);
    const changes = { state: 'active', tier, renewalsUsed, expiresAt: new Date(expiresAtMs) } as const;
    const updated = await updateSession(act.tx, session.id, changes);
    return this.#opened(act, updated, renewalsUsed > 0 ? 'session.renew' : 'session.begin');
  }

  async #opened(act: Act, session: SessionRow, action: 'session.begin' | 'session.renew'): Promise<Opened> {
    await act.chain.append({ ...draftOf(session), action, outcome: 'success' });
    return { kind: 'open', session };
  }

  async #asked(act: Act, session: SessionRow): Promise<Opened> {
    await act.chain.append({ ...draftOf(session), action: 'session.request', outcome: 'pending' });
    await this.approvals.ask(act, session, new Date(deadlineMs(session)));
    return { kind: 'pending', sessionId: session.id, isNew: true };
  }
}

function draftOf(session: SessionRow) {
  const agent = publicId('agt', session.agentId);
  const { jkt, tier, renewalsUsed } = session;
  const details = {
    agent,
    session: publicId('ses', session.id),
    jkt,
    tier,
    renewal: renewalsUsed,
    expires_at: session.expiresAt.toISOString(),
  };
  return { actor: `agent:${agent}`, details };
}
