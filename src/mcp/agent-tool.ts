import type { z } from 'zod';
import type { StopSignal } from '../platform/stop-signal.js';
import type { AgentPrincipal } from '../tenancy/principal.js';

/** Who calls a tool, and until when anybody waits for its result. */
export interface ToolCaller {
  readonly principal: AgentPrincipal;
  readonly gone: StopSignal;
}

/** One thing an agent can do over MCP. What `run` returns is the structured result; a problem becomes an error result. */
export interface AgentTool<I extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: I;
  /** Changes nothing, here or elsewhere. */
  readonly readOnly: boolean;
  run(caller: ToolCaller, input: z.output<I>): Promise<Record<string, unknown>>;
}
