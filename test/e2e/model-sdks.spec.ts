import Anthropic, * as anthropicErrors from '@anthropic-ai/sdk';
import { Chancery, ChanceryError, PLACEHOLDER } from '@chancery/client/chancery.js';
import OpenAI, * as openaiErrors from 'openai';
import * as client from '@chancery/client/chancery.js';
import { readFileSync, rmSync } from 'node:fs';
import { Sandbox } from '../../packages/client/test/run-cli.js';
import { type AppTenant, startApp, storeCredential, type TestApp, UPSTREAM_URL } from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { entriesOf } from '../support/chain-check.js';
import { eventually } from '../support/eventually.js';
import { ModelApis } from '../support/model-apis.js';

jest.setTimeout(300_000);

const KEY = 'sk-live-0123456789abcdefghij';
const apis = new ModelApis();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let chancery: Chancery;
/** Every byte that came back to this side. */
let seen = '';
beforeAll(async () => {
  app = await startApp({ upstream: apis.listener });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'writer', 'PARTNER');
  const bearer = { injection: { kind: 'scheme', scheme: 'Bearer' } };
  await storeCredential(tenant, 'openai_key', KEY, { grantTo: [agent], more: bearer });
  const more = { injection: { kind: 'header', name: 'x-api-key' } };
  await storeCredential(tenant, 'anthropic_key', KEY, { grantTo: [agent], more });
  chancery = await Chancery.connect({
    url: app.at.tenant,
    agentId: agent.id,
    apiKey: agent.apiKey,
    fetch: async (...args) => {
      const answer = await fetch(...args);
      seen += JSON.stringify([...answer.headers]);
      const watched = answer.body?.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            seen += Buffer.from(chunk).toString();
            controller.enqueue(chunk);
          },
        }),
      );
      return new Response(watched ?? null, answer);
    },
  });
});
afterEach(() => {
  apis.beforePiece = () => Promise.resolve();
  apis.words = ['Good', ' morning', ', ', 'Vietnam'];
  expect(seen).not.toContain(KEY.slice(8, 20));
});
afterAll(async () => {
  await chancery?.close();
  await app?.close();
});

const openai = () =>
  new OpenAI({
    apiKey: PLACEHOLDER,
    baseURL: `${UPSTREAM_URL}/v1`,
    fetch: chancery.fetch('openai_key', { purpose: 'test' }),
  });
const anthropic = (apiKey = PLACEHOLDER) =>
  new Anthropic({ apiKey, baseURL: UPSTREAM_URL, fetch: chancery.fetch('anthropic_key') });
const question = [{ role: 'user' as const, content: 'What did he say?' }];
const chat = { model: 'gpt-test', messages: question };
const message = { model: 'claude-test', max_tokens: 16, messages: question };

/** Lets a piece of the answer out when all before it were read: none would come if they came together. */
async function oneByOne<E>(
  ask: () => PromiseLike<AsyncIterable<E>> | AsyncIterable<E>,
  textOf: (event: E) => string | undefined,
): Promise<string[]> {
  let count = 0;
  const read: string[] = [];
  apis.beforePiece = async (piece) =>
    void (await eventually(
      () => count,
      (now) => now >= piece,
    ));
  for await (const event of await ask()) {
    count += 1;
    const text = textOf(event);
    if (text !== undefined) read.push(text);
  }
  return read;
}

describe('openai', () => {
  test('chat.completions: the API gets the key, the agent the answer', async () => {
    const answer = await openai().chat.completions.create(chat);
    expect(answer.choices[0]?.message.content).toBe('Good morning, Vietnam');
    expect(apis.calls.at(-1)).toMatchObject({ path: '/v1/chat/completions', body: chat });
    expect(apis.calls.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    const entries = await entriesOf(app.open, tenant.id);
    const intent = entries.findLast(({ entry }) => entry.action === 'credential.use')?.entry;
    expect(intent?.details).toMatchObject({ name: 'openai_key', purpose: 'test' });
  });

  test('chat.completions streamed: tokens come one by one', async () => {
    const read = await oneByOne(
      () => openai().chat.completions.create({ ...chat, stream: true }),
      ({ choices }) => choices[0]?.delta.content ?? undefined,
    );
    expect(read).toEqual(apis.words);
  });

  test('responses streamed', async () => {
    const read = await oneByOne(
      () => openai().responses.create({ model: 'gpt-test', input: 'What?', stream: true }),
      (event) => (event.type === 'response.output_text.delta' ? event.delta : undefined),
    );
    expect(read).toEqual(apis.words);
  });

  test.each([
    [401, openaiErrors.AuthenticationError],
    [429, openaiErrors.RateLimitError],
  ])('%i of the API is its own error', async (status, Expected) => {
    apis.fail = { status, headers: { 'x-should-retry': 'false' } };
    const error = await openai()
      .chat.completions.create(chat)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Expected);
    expect(error).toMatchObject({ code: 'its_own_code', type: 'its_own_type' });
    expect(ChanceryError.from(error)).toBeUndefined();
  });

  test('what the API asks to be tried again is', async () => {
    apis.fail = { status: 503, headers: { 'retry-after-ms': '1' } };
    const before = apis.calls.length;
    expect(
      (await openai()
        .models.list()
        .catch((error: unknown) => error)) instanceof openaiErrors.NotFoundError,
    ).toBe(true);
    expect(apis.calls).toHaveLength(before + 2);
  });
});

describe('@anthropic-ai/sdk', () => {
  test('messages: the API gets the key where the SDK puts its own', async () => {
    const answer = await anthropic().messages.create(message);
    expect(answer.content).toEqual([{ type: 'text', text: 'Good morning, Vietnam' }]);
    expect(apis.calls.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  test('with any other key, the default injection puts it there', async () => {
    await anthropic('not-a-key').messages.create(message);
    expect(apis.calls.at(-1)?.headers['x-api-key']).toBe(KEY);
  });

  test('messages streamed: tokens come one by one', async () => {
    let finalText = (): Promise<string> => Promise.reject(new Error('nothing was asked'));
    const read = await oneByOne(
      () => {
        const stream = anthropic().messages.stream(message);
        finalText = () => stream.finalText();
        return stream;
      },
      (event) =>
        event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? event.delta.text : undefined,
    );
    expect(read).toEqual(apis.words);
    expect(await finalText()).toBe('Good morning, Vietnam');
  });

  test('429 of the API is its own error', async () => {
    apis.fail = { status: 429, headers: { 'x-should-retry': 'false' } };
    const error = await anthropic()
      .messages.create(message)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(anthropicErrors.RateLimitError);
  });

  test('an echo of the key in a stream is redacted, across its pieces too', async () => {
    apis.words = ['the key is ', KEY, ', or ', KEY.slice(0, 12) + KEY.slice(12), '!'];
    expect(await anthropic().messages.stream(message).finalText()).toBe('the key is [redacted], or [redacted]!');
  });
});

test('a denial is the SDK’s own error with our code, after one request', async () => {
  const denials = async () =>
    (await entriesOf(app.open, tenant.id)).filter(({ entry }) => entry.outcome === 'denied').length;
  const before = await denials();
  const elsewhere = new OpenAI({
    apiKey: PLACEHOLDER,
    baseURL: 'https://evil.test/v1',
    fetch: chancery.fetch('openai_key'),
  });
  const error = await elsewhere.models.list().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(openaiErrors.PermissionDeniedError);
  expect(error).toMatchObject({ code: 'domain_not_allowed' });
  const refusal = ChanceryError.from(error);
  expect(refusal).toMatchObject({ code: 'domain_not_allowed', wayOut: `${app.at.tenant}/errors/domain_not_allowed` });
  expect((await fetch(String(refusal?.wayOut))).status).toBe(200);
  expect(await denials()).toBe(before + 1);
});

test('a plain fetch rejects with the same', async () => {
  const call = chancery.fetch('openai_key')('https://evil.test/');
  await expect(call).rejects.toMatchObject({
    code: 'domain_not_allowed',
    status: 403,
    audit: { seq: expect.any(Number) },
  });
  await expect(chancery.fetch('nothing')(UPSTREAM_URL)).rejects.toMatchObject({ code: 'credential_not_found' });
});

test('a session the server ended is followed by another', async () => {
  const call = () =>
    chancery.fetch('openai_key')(`${UPSTREAM_URL}/v1/messages`, {
      headers: { authorization: `Bearer ${PLACEHOLDER}` },
    });
  const sessions = await tenant.admin<{ data: { id: string; state: string }[] }>(
    'GET',
    `/v1/agents/${agent.id}/sessions`,
  );
  for (const { id, state } of sessions.body.data) {
    if (state === 'active') await tenant.admin('POST', `/v1/sessions/${id}/revoke`, { reason: 'test' });
  }
  expect((await Promise.all([call(), call(), call()])).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await chancery.whoami()).id).toBe(agent.id);
});

describe('docs/adopt.md', () => {
  const doc = readFileSync('docs/adopt.md', 'utf8').replaceAll('https://api.openai.com', UPSTREAM_URL);
  const snippets = [...doc.matchAll(/```(js|sh)\n(.*?)```/gs)].map(([, kind, code = '']) => ({ kind, code }));
  const modules: Record<string, unknown> = {
    '@chancery/client': client,
    openai: { ...openaiErrors, default: OpenAI },
    '@anthropic-ai/sdk': { ...anthropicErrors, default: Anthropic },
  };
  /** A module's code as the body of a function: its imports become lookups. */
  const asFunction = (code: string) =>
    code
      .replace(/^import (\w+) from '(.+)';$/gm, "const { default: $1 } = modules['$2'];")
      .replace(/^import (\{.+\}) from '(.+)';$/gm, "const $1 = modules['$2'];");
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
    ...of: string[]
  ) => (modules: object, console: object) => Promise<void>;
  const environment = { ...process.env };
  beforeAll(() => {
    Object.assign(process.env, {
      CHANCERY_URL: app.at.tenant,
      CHANCERY_AGENT_ID: agent.id,
      CHANCERY_AGENT_KEY: agent.apiKey,
      OPENAI_BASE_URL: `${UPSTREAM_URL}/v1`,
      ANTHROPIC_BASE_URL: UPSTREAM_URL,
    });
  });
  afterAll(() => {
    process.env = environment;
  });

  test.each(snippets.filter(({ kind }) => kind === 'js').map(({ code }, at) => [at, code] as const))(
    'snippet %i runs',
    async (_at, code) => {
      const said: unknown[] = [];
      await new AsyncFunction('modules', 'console', asFunction(code))(modules, {
        log: (...of: unknown[]) => said.push(...of),
      });
      const [, expected] = /\/\/ (?:\d+ )?([a-z_]+)\n/.exec(code) ?? [];
      const streamed = code.includes('.stream') || code.includes('stream: true');
      expect(said.join(' ')).toContain(expected ?? (streamed ? apis.words.join(' ') : '404'));
    },
  );

  test('and the proxy serves what its curl asks', async () => {
    const [line, curl] = snippets
      .map(({ code }) => code)
      .find((code) => code.includes('chancery proxy'))!
      .split('\n');
    const stop = new AbortController();
    const sandbox = new Sandbox();
    const argv = line!.replace('npx chancery ', '').replace(':8787', ':0').replace(' --agent scribe', '').split(' ');
    const env = { CHANCERY_URL: app.at.tenant, CHANCERY_AGENT_ID: agent.id, CHANCERY_AGENT_KEY: agent.apiKey };
    let running: Promise<unknown> = Promise.resolve();
    const url = await new Promise<string>((resolve, reject) => {
      const onOutput = (text: string) => {
        const shown = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
        if (shown !== undefined) resolve(shown);
      };
      running = sandbox.run(argv, { env, interrupted: stop.signal, onOutput });
      running.then((ran) => reject(new Error(JSON.stringify(ran))), reject);
    });
    const before = apis.calls.length;
    await (await fetch(url + new URL(curl!.split(' ')[1]!).pathname)).text();
    expect(apis.calls.slice(before)).toMatchObject([
      { path: '/v1/models', headers: { authorization: `Bearer ${KEY}` } },
    ]);
    stop.abort();
    await running;
    rmSync(sandbox.dir, { recursive: true, force: true });
  });
});
