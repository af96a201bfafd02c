import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { type AppTenant, execute, startApp, storeCredential, type TestApp, UPSTREAM_URL } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { connectMcp } from '../support/mcp-client.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(300_000);

const CLI = path.resolve(__dirname, '../../packages/client/bin/chancery.js');

const SECRET = 'sk-live-0123456789abcdef';
const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let client: Client;

beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'openai_key', SECRET, { grantTo: [agent] });
  await storeCredential(tenant, 'not_mine', SECRET);
  await execute(agent, 'openai_key'); // for the nonce
  client = await connectMcp(agent);
});
afterAll(async () => {
  await client?.close();
  await app?.close();
});

const request = { method: 'GET', url: `${UPSTREAM_URL}/echo`, headers: { authorization: 'Bearer {{CREDENTIAL}}' } };
const use = (credential: string, more: Record<string, unknown> = {}) =>
  client.callTool({ name: 'use_credential', arguments: { credential, purpose: 'by MCP', request, ...more } });

test('the official client finds the tools, with closed schemas and what they do', async () => {
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['list_credentials', 'use_credential', 'my_standing', 'request_access']),
  );
  for (const { inputSchema } of tools)
    expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
  expect(tools.find(({ name }) => name === 'use_credential')?.annotations?.readOnlyHint).toBe(false);
});

test('list_credentials names what is granted, and nothing else of it', async () => {
  const { structuredContent } = await client.callTool({ name: 'list_credentials', arguments: {} });
  expect(structuredContent).toEqual({ credentials: ['openai_key'], more: false });
  const { body } = await agent.call('GET', '/v1/granted-credentials');
  expect(body).toEqual({ data: [{ name: 'openai_key' }], next_cursor: null });
  expect((await tenant.admin('GET', '/v1/granted-credentials')).status).toBe(403);
});

test('use_credential makes the call, redacts the answer, and leaves the same two entries as execute', async () => {
  upstream.on('/echo', ({ headers }, response) => response.end(`you sent ${headers.authorization}`));
  const { structuredContent, isError } = await use('openai_key');
  expect(isError).toBeFalsy();
  expect(structuredContent).toMatchObject({ status: 200, body: 'you sent Bearer [redacted]', redactions: 1 });
  expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${SECRET}`);
  const { seq } = (structuredContent as { audit: { seq: number } }).audit;
  const intent = (await entriesOf(app.open, tenant.id)).find(({ entry }) => entry.seq === seq)?.entry;
  expect(intent).toMatchObject({ action: 'credential.use', outcome: 'intent', details: { purpose: 'by MCP' } });
});

test('a denial is a result with its code and what to do, and has its entry', async () => {
  const { isError, content, structuredContent } = await use('not_mine');
  expect(isError).toBe(true);
  expect(structuredContent).toMatchObject({
    code: 'credential_not_found',
    status: 404,
    type: '/errors/credential_not_found',
  });
  expect(content).toEqual([{ type: 'text', text: expect.stringMatching(/^credential_not_found: /) }]);
  const elsewhere = await use('openai_key', { request: { ...request, url: 'https://evil.example/' } });
  expect(elsewhere.structuredContent).toMatchObject({ code: 'domain_not_allowed' });
  expect(JSON.stringify(elsewhere)).not.toContain('upstream');
});

test('input that fits no schema is refused before anything is done', async () => {
  const before = upstream.received.length;
  const answer = await use('openai_key', { timeout: 5 });
  expect(answer).toMatchObject({ isError: true });
  expect(upstream.received).toHaveLength(before);
});

test('my_standing tells tier, limits and session', async () => {
  const { structuredContent } = await client.callTool({ name: 'my_standing', arguments: {} });
  expect(structuredContent).toMatchObject({
    name: 'scribe',
    tier: 'COMPANION',
    credentials_granted: 1,
    credentials_limit: 5,
  });
});

test('request_access asks people, whether there is such a credential or not', async () => {
  const ask = (credential_name: string) =>
    client.callTool({ name: 'request_access', arguments: { credential_name, reason: 'for the report' } });
  const { structuredContent } = await ask('no_such_key');
  expect(structuredContent).toMatchObject({ kind: 'access', state: 'pending' });
  const { body } = await tenant.admin<{ data: unknown[] }>('GET', '/v1/approvals?state=pending');
  expect(body.data).toMatchObject([
    { credential_name: 'no_such_key', purpose: 'for the report', agent_name: 'scribe' },
  ]);
});

test('use_credential says so when a person has to approve it first', async () => {
  const change = { approval: 'each_use' };
  expect((await tenant.admin('PATCH', '/v1/credentials/openai_key', change)).status).toBe(200);
  const { structuredContent, isError } = await use('openai_key');
  expect(isError).toBeFalsy();
  expect(structuredContent).toMatchObject({
    approval: { state: 'pending' },
    next: expect.stringContaining('approval_id'),
  });
  expect((await tenant.human('PATCH', '/v1/credentials/openai_key', { approval: 'none' })).status).toBe(200);
});

test('request_access asks people, whether there is such a credential or not, and check_approval tells what they said', async () => {
  const asked = await client.callTool({
    name: 'request_access',
    arguments: { credential_name: 'no_such_key', reason: 'the report needs it' },
  });
  expect(asked.structuredContent).toMatchObject({ kind: 'access', state: 'pending' });
  const { id } = asked.structuredContent as { id: string };
  const check = () => client.callTool({ name: 'check_approval', arguments: { approval_id: id } });
  expect((await check()).structuredContent).toEqual(asked.structuredContent);
  expect((await tenant.human('POST', `/v1/approvals/${id}/refuse`, { reason: 'no' })).status).toBe(200);
  expect((await check()).structuredContent).toMatchObject({ id, state: 'refused' });
});

test('without a proof, as a person, from a page, with GET: refused', async () => {
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
  const headers = { accept: 'application/json, text/event-stream' };
  expect(
    (
      await fetch(`${app.at.tenant}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
    ).status,
  ).toBe(401);
  expect((await tenant.admin('POST', '/mcp', ping)).status).toBe(403);
  expect(await agent.call('POST', '/mcp', { ...headers, origin: 'https://evil.example' }, ping)).toMatchObject({
    status: 403,
    body: { code: 'origin_not_allowed' },
  });
  expect((await agent.call('POST', '/mcp', headers, [ping])).status).toBe(400);
  expect((await agent.call('POST', '/mcp', headers, ping)).body).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  const got = await agent.call('GET', '/mcp');
  expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
});

test('P10: a proof is good for one message', async () => {
  const htu = `${app.at.tenant}/mcp`;
  const dpop = await agent.proof({ htm: 'POST', htu, accessToken: agent.accessToken ?? '' });
  const send = () =>
    agent.callOnce(
      'POST',
      '/mcp',
      { dpop, accept: 'application/json, text/event-stream' },
      { jsonrpc: '2.0', id: 1, method: 'ping' },
    );
  expect((await send()).status).toBe(200);
  expect(await send()).toMatchObject({ status: 401, body: { code: 'invalid_dpop_proof' } });
});

test('chancery mcp is a server on stdin and stdout for clients that know no proofs', async () => {
  const env = { CHANCERY_URL: app.at.tenant, CHANCERY_AGENT_ID: agent.id, CHANCERY_AGENT_KEY: agent.apiKey };
  const transport = new StdioClientTransport({ command: process.execPath, args: [CLI, 'mcp'], env, stderr: 'ignore' });
  const overStdio = new Client({ name: 'a desktop', version: '1' });
  await overStdio.connect(transport);
  try {
    const listed = await overStdio.callTool({ name: 'list_credentials', arguments: {} });
    expect(listed.structuredContent).toEqual({ credentials: ['openai_key'], more: false });
    const both = { name: 'use_credential', arguments: { credential: 'openai_key', purpose: 'two at once', request } };
    const answers = await Promise.all([overStdio.callTool(both), overStdio.callTool(both)]);
    expect(answers.map(({ structuredContent }) => (structuredContent as { status: number }).status)).toEqual([
      200, 200,
    ]);
    await expect(overStdio.callTool({ name: 'no_such_tool', arguments: {} })).resolves.toMatchObject({ isError: true });
  } finally {
    await overStdio.close();
  }
});
