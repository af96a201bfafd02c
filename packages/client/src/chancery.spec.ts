import { AGENT_ID, AGENT_KEY, FakeChancery } from '../test/fake-chancery.js';
import { ok, problem } from '../test/fake-surface.js';
import { Chancery } from './chancery.js';

let fake: FakeChancery;
beforeEach(async () => void (fake = await new FakeChancery().start()));
afterEach(() => fake.stop());

const connect = () => Chancery.connect({ url: fake.tenant.url, agentId: AGENT_ID, apiKey: AGENT_KEY });
const request = { method: 'GET', url: 'https://api.test/v1', headers: { authorization: 'Bearer {{CREDENTIAL}}' } };

test('execute sends the template as it is and gives the answer', async () => {
  const chancery = await connect();
  const answer = await chancery.execute('a key/x', { purpose: 'p', request });
  expect(answer).toMatchObject({ status: 203, redactions: 1, audit: { seq: 7 } });
  expect(fake.tenant.asked.at(-1)).toMatchObject({ params: ['a key/x'], json: { purpose: 'p', request } });
  await chancery.close();
});

test('a refusal is an error with its code', async () => {
  fake.tenant.on('POST /v1/credentials/:name/execute', problem(503, 'vault_sealed'));
  const chancery = await connect();
  await expect(chancery.execute('k', { purpose: 'p', request })).rejects.toMatchObject({
    code: 'vault_sealed',
    status: 503,
  });
  await chancery.close();
});

test('a use that waits for a person is no answer', async () => {
  const approval = { id: 'apr_1', state: 'pending' };
  fake.tenant.on('POST /v1/credentials/:name/execute', { status: 202, json: { approval } });
  const chancery = await connect();
  const execute = chancery.execute('k', { purpose: 'p', request });
  await expect(execute).rejects.toMatchObject({ code: 'approval_pending', approval });
  await chancery.close();
});

test('a wrong key shows when it connects', async () => {
  const connected = Chancery.connect({ url: fake.tenant.url, agentId: AGENT_ID, apiKey: 'chy_ak_wrong' });
  await expect(connected).rejects.toMatchObject({ code: 'invalid_client' });
});

describe('the environment', () => {
  const before = { ...process.env };
  afterEach(() => {
    for (const name of ['CHANCERY_URL', 'CHANCERY_AGENT_ID', 'CHANCERY_AGENT_KEY']) delete process.env[name];
    Object.assign(process.env, before);
  });

  test('says what the options do not', async () => {
    Object.assign(process.env, {
      CHANCERY_URL: fake.tenant.url,
      CHANCERY_AGENT_KEY: AGENT_KEY,
      CHANCERY_AGENT_ID: 'no',
    });
    await (await Chancery.connect({ agentId: AGENT_ID })).close();
    expect(fake.tokens).toBe(1);
  });

  test('that does not say it either is an error that names it', async () => {
    await expect(Chancery.connect({ url: fake.tenant.url, agentId: AGENT_ID })).rejects.toMatchObject({
      code: 'not_configured',
      message: expect.stringContaining('CHANCERY_AGENT_KEY'),
    });
  });
});

test('names of credentials come page by page', async () => {
  fake.tenant.on('GET /v1/granted-credentials', ({ query }) =>
    query.get('cursor') === null
      ? ok({ data: [{ name: 'a' }], next_cursor: 'c' })
      : ok({ data: [{ name: 'b' }], next_cursor: null }),
  );
  const chancery = await connect();
  await expect(chancery.credentials()).resolves.toEqual(['a', 'b']);
  await chancery.close();
});

test('asking for access names the credential and the reason, once', async () => {
  fake.tenant.on('POST /v1/access-requests', ok({ id: 'apr_1', kind: 'access', state: 'pending' }, 201));
  const chancery = await connect();
  await expect(chancery.requestAccess('k', 'to ship')).resolves.toMatchObject({ id: 'apr_1', state: 'pending' });
  const [asked] = fake.tenant.to('POST /v1/access-requests');
  expect(asked).toMatchObject({ json: { credential_name: 'k', reason: 'to ship' } });
  expect(asked!.headers['idempotency-key']).toHaveLength(36);
  await chancery.close();
});

describe('an approval', () => {
  test('is waited for', async () => {
    const states = ['pending', 'approved'];
    fake.tenant.on('GET /v1/approvals/:id', ({ params }) => ok({ id: params[0], state: states.shift() }));
    const chancery = await connect();
    await expect(chancery.waitForApproval('apr_1', { waitMs: 10_000 })).resolves.toMatchObject({ state: 'approved' });
    await chancery.close();
  });

  test('is not waited for longer than said', async () => {
    fake.tenant.on('GET /v1/approvals/:id', ok({ id: 'apr_1', state: 'pending' }));
    const chancery = await connect();
    await expect(chancery.waitForApproval('apr_1', { waitMs: 5 })).rejects.toMatchObject({ code: 'approval_pending' });
    const signal = AbortSignal.timeout(5);
    await expect(chancery.waitForApproval('apr_1', { waitMs: 60_000, signal })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await chancery.close();
  });
});
