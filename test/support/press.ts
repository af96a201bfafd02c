import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { DpopAgent } from './dpop-agent.js';

export interface Pressed {
  /** How often each answer came. */
  readonly answers: Readonly<Record<string, number>>;
  /** Calls answered 200 in each second. */
  readonly perSecond: number;
  readonly slowestMs: number;
}

/** All that a server may say to more than it can do. */
export const ALLOWED = new Set(['200', '429 with Retry-After', '503 with Retry-After']);

/** What is pressed is the process, not what an agent or a tenant may have under way. */
export const NO_LIMITS = { USES_AGENT_CONCURRENT: '10000', USES_TENANT_CONCURRENT: '100000' };

/** Clients in a process of their own. */
export class Press {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(agents: readonly DpopAgent[], credential: string, request: Readonly<Record<string, unknown>>) {
    const told = {
      base: agents[0]?.base,
      agents: agents.map(({ id, apiKey }) => ({ id, apiKey })),
      path: `/v1/credentials/${credential}/execute`,
      json: { purpose: 'load', request },
    };
    const script = path.join(__dirname, 'pressing.mjs');
    this.#child = spawn(process.execPath, [script, JSON.stringify(told)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  async press(lanes: number, ms: number): Promise<Pressed> {
    this.#child.stdin?.write(`${JSON.stringify({ lanes, ms })}\n`);
    const { value } = await this.#lines.next();
    return JSON.parse(String(value)) as Pressed;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

export const sumOf = (all: readonly Pressed[]): Record<string, number> => {
  const sum: Record<string, number> = {};
  for (const { answers } of all)
    for (const [kind, count] of Object.entries(answers)) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
};

export const medianOf = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
};
