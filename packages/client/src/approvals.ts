import type { AgentSession } from './agent-session.js';
import { ChanceryError, type Approval } from './errors.js';

const POLL_MS = 2_000;

export type ApprovalWait = {
  /** Milliseconds. */
  waitMs: number;
  signal?: AbortSignal | undefined;
};

/** What a person has said about one use. @throws ChanceryError `not_found` for one of another agent */
export async function readApproval(session: AgentSession, id: string): Promise<Approval> {
  return session.json<Approval>({ method: 'GET', path: `/v1/approvals/${encodeURIComponent(id)}` });
}

/**
 * Asks every two seconds until a person has approved.
 * @throws ChanceryError `approval_refused`, `approval_expired`, `approval_used`, or `approval_pending` when the wait is over
 */
export async function waitForApproval(session: AgentSession, first: Approval, wait: ApprovalWait): Promise<Approval> {
  const deadline = Date.now() + wait.waitMs;
  let approval = first;
  while (approval.state === 'pending' && Date.now() < deadline) {
    approval = await readApproval(session, approval.id);
    if (approval.state === 'pending') await pause(Math.min(POLL_MS, deadline - Date.now()), wait.signal);
  }
  if (approval.state === 'approved') return approval;
  const code = `approval_${approval.state}`;
  throw new ChanceryError({
    code,
    status: approval.state === 'pending' ? 202 : 403,
    detail: `approval ${approval.id} is ${approval.state}`,
    problem: { approval },
    wayOut: `${session.http.baseUrl}/errors/${code}`,
  });
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
