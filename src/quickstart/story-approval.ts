import type { Chancery as Client } from '@chancery/client/chancery.js';
import { ChanceryError } from '@chancery/client/errors.js';
import type { Door } from './doors.js';
import { UPSTREAM_HOST } from './demo-upstream.js';
import type { Narrator } from './narrator.js';
import type { QuickstartState } from './state-file.js';

const CREDENTIAL = 'payroll_key';

/** A credential that a person has to be asked for, each time: one yes, one use. */
export async function tellApproval(
  narrator: Narrator,
  parties: {
    readonly scribe: Client;
    readonly state: QuickstartState;
    readonly key: string;
    readonly admin: Door;
    readonly owner: Door;
  },
): Promise<void> {
  const { scribe, state, key, admin, owner } = parties;
  const told = '202, a person approves: 200, once more: 403 approval_used';
  await narrator.step('A use that waits for a person', told, async () => {
    const where = { allowed_domains: [UPSTREAM_HOST], approval: 'each_use' };
    await admin.post('/v1/credentials', { name: CREDENTIAL, value: key, ...where });
    await admin.put(`/v1/credentials/${CREDENTIAL}/grants/${state.agents['scribe']?.id}`);
    const { status, code, approval } = await refusal(scribe);
    if (approval === undefined) return `${status} ${code}`;
    await owner.post(`/v1/approvals/${approval.id}/approve`, { reason: 'quickstart' });
    const answer = await pay(scribe, approval.id);
    const again = await refusal(scribe, approval.id);
    return `${status}, a person approves: ${answer.status}, once more: ${again.status} ${again.code}`;
  });
}

function pay(agent: Client, approvalId?: string) {
  const headers = { authorization: 'Bearer {{CREDENTIAL}}' };
  const request = { method: 'POST', url: `https://${UPSTREAM_HOST}/v1/payroll`, headers, body: { amount: '100' } };
  return agent.execute(CREDENTIAL, { purpose: 'quickstart', request, approval_id: approvalId });
}

async function refusal(agent: Client, approvalId?: string): Promise<ChanceryError> {
  try {
    const { status } = await pay(agent, approvalId);
    throw new Error(`${status} where a person should have been asked`);
  } catch (error) {
    if (error instanceof ChanceryError) return error;
    throw error;
  }
}
