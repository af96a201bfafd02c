import type { Act } from '../tenancy/acts.js';

export interface WaitingSession {
  readonly id: string;
  readonly agentId: string;
}

export interface SessionDecision {
  readonly state: 'approved' | 'refused';
  /** Who, as the chain names them. */
  readonly by: string;
  readonly reason: string | null;
}

/**
 * The list in which people find what waits for them. A SACRED agent's sessions stand in it beside everything else; it
 * belongs to `credentials`, a room above, which implements this.
 */
export abstract class SessionApprovals {
  /** The session waits for a person, until the given time. */
  abstract ask(act: Act, session: WaitingSession, until: Date): Promise<void>;
  /** A person has decided. */
  abstract decided(act: Act, session: WaitingSession, decision: SessionDecision): Promise<void>;
}
