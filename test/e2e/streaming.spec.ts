import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest, type RequestOptions, type ServerResponse } from 'node:http';
import { type AppTenant, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const SECRET = 'sk-live-0123456789abcdef';
const IN_HEADER = { 'chancery-forward-authorization': 'Bearer {{CREDENTIAL}}' };

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'streamer', 'PARTNER');
  await storeCredential(tenant, 'key', SECRET, { grantTo: [agent] });
});
afterAll(() => app?.close());

interface Streamed {
  readonly answer: IncomingMessage;
  text(): Promise<string>;
}

/** One request to the streaming route, its answer still arriving. */
async function stream(path: string, options: RequestOptions & { body?: string | Buffer } = {}): Promise<Streamed> {
  const { method = 'GET', headers = {}, body } = options;
  const target = `/v1/credentials/key/proxy/https/${UPSTREAM_HOST}${path}`;
  const htu = agent.base + target.split('?', 1)[0];
  const dpop = await agent.proof({ htm: method, htu, accessToken: String(agent.accessToken) });
  const sent = httpRequest(agent.base + target, {
    method,
    agent: false,
    headers: { authorization: `DPoP ${agent.accessToken}`, dpop, ...(headers as Record<string, string>) },
  });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return {
    answer,
    text: async () => {
      const pieces: Buffer[] = [];
      for await (const piece of answer) pieces.push(piece as Buffer);
      return Buffer.concat(pieces).toString();
    },
  };
}

test('an SSE stream arrives piece by piece, before the upstream has ended', async () => {
  let writeMore: ServerResponse['write'] = () => false;
  let end = (): void => undefined;
  upstream.on('/sse', (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: one\n\n');
    writeMore = response.write.bind(response) as ServerResponse['write'];
    end = () => response.end();
  });
  const { answer } = await stream('/sse', { headers: IN_HEADER });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('text/event-stream');
  expect(answer.headers['chancery-audit']).toMatch(/^\d+ [0-9a-f]{64}$/);
  const pieces = answer[Symbol.asyncIterator]();
  const next = async () => String((await pieces.next()).value);
  expect(await next()).toBe('data: one\n\n');
  writeMore('data: two\n\n');
  expect(await next()).toBe('data: two\n\n');
  writeMore(`data: ${SECRET.slice(0, 9)}`);
  expect(await next()).toBe('data: ');
  writeMore(`${SECRET.slice(9)}\n\n`);
  expect(await next()).toBe('[redacted]\n\n');
  end();
  expect((await pieces.next()).done).toBe(true);
  expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${SECRET}`);
});
