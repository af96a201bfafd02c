import type { Outcome } from './attack-report.js';
import type { DpopAgent } from './dpop-agent.js';

/** A request as a template says it, and what of the call is the caller's to choose. */
export interface AskedUse {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly body_base64?: string;
}
export interface UseOptions {
  readonly timeoutMs?: number;
  readonly version?: number;
  readonly approvalId?: string;
  /** Called when the head of an answer that streams is there. */
  readonly whenBegun?: () => void;
}

/** What a use came to, through whichever door: Chancery's refusal, or the upstream's answer as the agent got it. */
export interface SeenUse extends Outcome {
  /** The upstream's status, when it answered; else Chancery's own. */
  readonly status: number;
  /** Chancery's code, when it was Chancery that answered. */
  readonly code: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly redactions: number | null;
  /** The answer ended before its end. */
  readonly broken: boolean;
  /** The status text, where there is one. */
  readonly reason?: string;
  /** The position of the intent or denial. */
  readonly seq: number | undefined;
}

/** One of the ways in which an agent uses a credential. */
export interface UseDoor {
  readonly name: 'execute' | 'stream';
  /** Whether such a request can be made here at all. */
  canSay(asked: AskedUse): boolean;
  use(agent: DpopAgent, credential: string, asked?: AskedUse, options?: UseOptions): Promise<SeenUse>;
}
