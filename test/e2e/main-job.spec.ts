import type { IncomingMessage } from 'node:http';
import { execute, MASTER_PASSWORD, startApp, storeCredential, type TestApp } from '../support/app.js';
import { verdictOn } from '../support/chain-check.js';
import { eventually } from '../support/eventually.js';
import { callerOn, entriesOf } from '../support/identity.js';

jest.setTimeout(300_000);

const KEY = 'sk-live-0123456789abcdef';
let app: TestApp;
const received: IncomingMessage['headers'][] = [];
beforeAll(async () => {
  app = await startApp({
    upstream: (request, response) => {
      received.push(request.headers);
      const right = request.headers.authorization === `Bearer ${KEY}`;
      response.writeHead(right ? 200 : 401, {
        'content-type': 'application/json',
        'x-echo': String(request.headers.authorization),
      });
      response.end(JSON.stringify({ right, you_sent: request.headers.authorization }));
    },
  });
});
afterAll(() => app?.close());

test('P1, P3: an agent uses a credential it never sees, and the chain says so', async () => {
  const tenant = await app.newTenant();
  const agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'demo', KEY, { grantTo: [agent] });
  const answer = await execute(agent, 'demo');
  expect(answer).toMatchObject({ status: 200, body: { status: 200 } });
  expect(received.at(-1)?.authorization).toBe(`Bearer ${KEY}`);
  expect(JSON.stringify([answer.body, [...answer.headers]])).not.toContain(KEY);
  const { seq, hash } = answer.body.audit as { seq: number; hash: string };
  const entries = await eventually(
    () => entriesOf(app, tenant.id),
    (found) => found.some((entry) => entry.details.intent === seq),
  );
  expect(entries.find((entry) => entry.seq === seq)).toMatchObject({ action: 'credential.use', outcome: 'intent' });
  expect(entries.find((entry) => entry.details.intent === seq)).toMatchObject({ outcome: 'success' });
  expect(entries.find((entry) => entry.seq === seq + 1)?.prev).toBe(hash);
  expect(JSON.stringify([entries, app.logged])).not.toContain(KEY);
  expect(await verdictOn(app.open, tenant.id)).toMatchObject({ verdict: 'ok' });
});

test('P7: a restart comes up sealed; brakes, listings and audit go on; the password opens it again', async () => {
  const tenant = await app.newTenant();
  const agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'demo', KEY, { grantTo: [agent] });
  expect(
    (await tenant.admin('POST', '/v1/brakes', { scope: 'credential', credential_name: 'demo', reason: 'test' })).status,
  ).toBe(201);
  await app.restart();
  expect((await app.staff('GET', '/v1/vault')).body).toEqual({ state: 'sealed' });
  const admin = callerOn(app.at.tenant, tenant.key);
  expect((await admin('GET', '/v1/brakes?active=true')).body).toMatchObject({
    data: [{ scope: 'credential', active: true }],
  });
  expect((await admin('GET', '/v1/audit/verification')).body).toMatchObject({ verdict: 'ok' });
  expect(
    (await admin('POST', '/v1/credentials', { name: 'x', value: KEY, allowed_domains: ['a.example'] })).body,
  ).toMatchObject({ code: 'vault_sealed' });
  expect((await app.staff('POST', '/v1/vault/unseal', { password: 'not it' })).body).toMatchObject({
    code: 'wrong_password',
  });
  expect((await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD })).body).toEqual({
    state: 'unsealed',
  });
});
