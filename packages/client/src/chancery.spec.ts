import { AGENT_ID, AGENT_KEY, FakeChancery } from '../test/fake-chancery.js';
import { problem } from '../test/fake-surface.js';
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
