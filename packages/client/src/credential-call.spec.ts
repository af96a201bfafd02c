import type { IncomingMessage } from 'node:http';
import { AGENT_ID, AGENT_KEY, FakeChancery } from '../test/fake-chancery.js';
import { FakeProxy } from '../test/fake-proxy.js';
import { Chancery, type FetchOptions } from './chancery.js';

let fake: FakeChancery;
let proxy: FakeProxy;
let chancery: Chancery;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  proxy = new FakeProxy(fake);
  chancery = await Chancery.connect({ url: fake.tenant.url, agentId: AGENT_ID, apiKey: AGENT_KEY });
});
afterEach(async () => {
  await chancery.close();
  await fake.stop();
});

const URL_ASKED = 'https://api.test/v1/things';
const fetchWith = (options?: FetchOptions) => chancery.fetch('k', options);

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

describe('a redirect', () => {
  const redirect = (status: number, location: string) => {
    proxy.upstream = async (request, response) => {
      if (request.url === '/end') return response.end(`${request.method} ${await bodyOf(request)}`);
      return response.writeHead(status, { location }).end();
    };
  };

  test.each([
    [303, 'GET '],
    [302, 'GET '],
    [307, 'POST b'],
  ])('%i to the same host is followed, as a use of its own', async (status, text) => {
    redirect(status, '/end');
    const answer = await fetchWith()('https://api.test/start', { method: 'POST', body: 'b' });
    expect(await answer.text()).toBe(text);
    expect(answer).toMatchObject({ redirected: true, url: 'https://api.test/end' });
    expect(proxy.asked).toHaveLength(2);
  });

  test.each(['https://other.test/end', 'http://api.test/end', '//api.test:8443/end'])(
    'to %s is the caller’s to follow',
    async (location) => {
      redirect(302, location);
      expect((await fetchWith()('https://api.test/start')).headers.get('location')).toBe(location);
      expect(proxy.asked).toHaveLength(1);
    },
  );

  test('is not followed with redirect: manual, and is an error with redirect: error', async () => {
    redirect(302, '/end');
    expect((await fetchWith()('https://api.test/start', { redirect: 'manual' })).status).toBe(302);
    await expect(fetchWith()('https://api.test/start', { redirect: 'error' })).rejects.toMatchObject({
      name: 'TypeError',
    });
  });

  test('without end ends', async () => {
    redirect(302, '/start');
    await expect(fetchWith()('https://api.test/start')).rejects.toThrow('too many redirects');
    expect(proxy.asked).toHaveLength(21);
  });
});

describe('a use a person has to approve', () => {
  const approval = (state: string) => ({ id: 'apr_1', state, expires_at: '2026-11-22T09:00:00.000Z' });
  const pending = {
    status: 202,
    headers: { 'content-type': 'application/json', location: '/v1/approvals/apr_1' },
    json: { approval: approval('pending') },
  };
  beforeEach(() => {
    proxy.upstream = async (request, response) => response.end(JSON.stringify({ body: await bodyOf(request) }));
    proxy.refuse = ({ headers }) => (headers['chancery-approval-id'] === 'apr_1' ? undefined : pending);
  });

  test('is a refusal that names the approval', async () => {
    await expect(fetchWith()(URL_ASKED)).rejects.toMatchObject({ code: 'approval_pending', approval: { id: 'apr_1' } });
    const answer = await fetchWith({ refusals: 'answer' })(URL_ASKED);
    expect(answer.status).toBe(403);
  });

  test('is waited for and sent again with the approval, once', async () => {
    fake.tenant.on('GET /v1/approvals/:id', { status: 200, json: approval('approved') });
    const answer = await fetchWith({ wait: 30 })(URL_ASKED, { method: 'POST', body: 'same' });
    expect(await answer.json()).toMatchObject({ body: 'same' });
    expect(proxy.asked.map(({ headers }) => headers['chancery-approval-id'])).toEqual([undefined, 'apr_1']);
  });

  test('that a person refuses is not sent again', async () => {
    fake.tenant.on('GET /v1/approvals/:id', { status: 200, json: approval('refused') });
    await expect(fetchWith({ wait: 30 })(URL_ASKED)).rejects.toMatchObject({ code: 'approval_refused' });
    expect(proxy.asked).toHaveLength(1);
  });
});
