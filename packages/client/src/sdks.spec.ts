import Anthropic, * as anthropicErrors from '@anthropic-ai/sdk';
import OpenAI, * as openaiErrors from 'openai';
import { AGENT_ID, AGENT_KEY, FakeChancery } from '../test/fake-chancery.js';
import { FakeProxy } from '../test/fake-proxy.js';
import { problem } from '../test/fake-surface.js';
import { Chancery, ChanceryError, PLACEHOLDER } from './chancery.js';

let fake: FakeChancery;
let proxy: FakeProxy;
let chancery: Chancery;
beforeAll(async () => {
  fake = await new FakeChancery().start();
  proxy = new FakeProxy(fake);
  chancery = await Chancery.connect({ url: fake.tenant.url, agentId: AGENT_ID, apiKey: AGENT_KEY });
});
afterEach(() => void (proxy.asked.length = 0));
afterAll(async () => {
  await chancery.close();
  await fake.stop();
});

const openai = (options?: Parameters<Chancery['fetch']>[1]) =>
  new OpenAI({ apiKey: PLACEHOLDER, fetch: chancery.fetch('k', options) }).models.list();
const anthropic = (options?: Parameters<Chancery['fetch']>[1]) =>
  new Anthropic({ apiKey: PLACEHOLDER, fetch: chancery.fetch('k', options) }).models.list();
const thrownBy = (call: PromiseLike<unknown>) => Promise.resolve(call).then(fail, (error: unknown) => error);
const fail = () => {
  throw new Error('it went through');
};

const CASES = [
  ['brake_active', 403],
  ['vault_sealed', 503],
  ['limit_reached', 429],
  ['changed_meanwhile', 409],
] as const;

describe.each([
  ['openai', openai, openaiErrors.APIError, openaiErrors.APIConnectionError],
  ['@anthropic-ai/sdk', anthropic, anthropicErrors.APIError, anthropicErrors.APIConnectionError],
] as const)('%s', (_name, call, StatusError, ConnectionError) => {
  test.each(CASES)('%s: one denial is one request, and its own error with the code', async (code, status) => {
    proxy.refuse = () => problem(status, code);
    const error = await thrownBy(call());
    expect(error).toBeInstanceOf(StatusError);
    expect(error).toMatchObject({ status, message: expect.stringContaining(code) });
    expect(ChanceryError.from(error)).toMatchObject({ code, status, requestId: 'req_1' });
    expect(proxy.asked).toHaveLength(1);
  });

  test('what is thrown it would repeat: that is why it gets an answer', async () => {
    proxy.refuse = () => ({ ...problem(403, 'brake_active'), headers: { 'retry-after-ms': '1' } });
    const error = await thrownBy(call({ refusals: 'throw' }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(ChanceryError.from(error)).toMatchObject({ code: 'brake_active' });
    expect(proxy.asked).toHaveLength(3);
  });

  test('what load caused it repeats, with a proof of its own for every try', async () => {
    let tries = 0;
    proxy.refuse = () =>
      (tries += 1) === 1 ? { ...problem(503, 'over_capacity'), headers: { 'retry-after': '1' } } : undefined;
    proxy.upstream = (_, response) => response.setHeader('content-type', 'application/json').end('{"data":[]}');
    await call();
    expect(new Set(proxy.asked.map(({ headers }) => headers.dpop)).size).toBe(2);
  });
});

test('a suspended agent is told at once, not after three tries', async () => {
  fake.tenant.on('POST /oauth/token', { status: 401, json: { error: 'invalid_client' } });
  const late = Chancery.connect({ url: fake.tenant.url, agentId: AGENT_ID, apiKey: AGENT_KEY });
  await expect(late).rejects.toMatchObject({ code: 'invalid_client' });
  expect(fake.tenant.to('POST /oauth/token').length).toBeLessThan(5);
  fake.approve();
});
