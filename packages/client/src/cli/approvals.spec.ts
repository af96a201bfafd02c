import { FakeChancery, TENANT_KEY } from '../../test/fake-chancery.js';
import { ok, problem } from '../../test/fake-surface.js';
import { Sandbox } from '../../test/run-cli.js';

const ID = `apr_${'1'.repeat(32)}`;
const approval = {
  id: ID,
  kind: 'use',
  state: 'pending',
  expires_at: '2026-11-23T07:00:00.000Z',
  agent_id: 'agt_1',
  agent_name: 'helper',
  credential_name: 'bank_key',
  version: 3,
  method: 'POST',
  url: 'https://bank.test/pay',
  purpose: 'pay the invoice',
  request_hash: 'f'.repeat(64),
  session_id: null,
  requested_at: '2026-11-22T07:00:00.000Z',
  decided_at: null,
  decided_by: null,
  decision_reason: null,
  used_seq: null,
};
const request = {
  method: 'POST',
  url: 'https://bank.test/pay?key=••••',
  headers: [{ name: 'authorization', value: 'Bearer ••••' }],
  body: { text: 'amount=1\nto=eve\u001b[2K', bytes: 19, sha256: 'a'.repeat(64), truncated: false },
};

let fake: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
  fake.guarded('tenant', 'GET /v1/approvals', () => ok({ data: [approval], next_cursor: null }));
  fake.guarded('tenant', 'GET /v1/approvals/:id', () => ok({ ...approval, request }));
  fake.guarded('tenant', 'POST /v1/approvals/:id/approve', () => ok({ ...approval, state: 'approved' }), true);
  fake.guarded('tenant', 'POST /v1/approvals/:id/refuse', () => ok({ ...approval, state: 'refused' }));
});
afterEach(() => fake.stop());

test('list shows what waits, and asks for no more', async () => {
  const ran = await sandbox.run(['approvals', 'list']);
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining(ID) });
  expect(ran.stdout).toContain('POST https://bank.test/pay with bank_key');
  expect(fake.tenant.to('GET /v1/approvals').at(-1)?.query.get('state')).toBe('pending');
  await sandbox.run(['approvals', 'list', '--all', '--kind', 'access']);
  expect([...(fake.tenant.to('GET /v1/approvals').at(-1)?.query.keys() ?? [])].sort()).toEqual(['kind', 'limit']);
});

test('show prints the request as it would be sent, masked, and nothing in it drives the terminal', async () => {
  const ran = await sandbox.run(['approvals', 'show', ID]);
  expect(ran.stdout).toContain(
    '  POST https://bank.test/pay?key=••••\n  authorization: Bearer ••••\n\n  amount=1\n  to=eve\ufffd[2K\n',
  );
  expect(ran.stdout).toContain(`19 bytes, SHA-256 ${'a'.repeat(64)}`);
  expect((await sandbox.run(['approvals', 'show', ID, '--json'])).json()).toEqual({ ...approval, request });
});

test('approve is an act of a person, who is signed in for it', async () => {
  const ran = await sandbox.run(['approvals', 'approve', ID, '--reason', 'looked at it']);
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/state\s+approved/) });
  expect(fake.tenant.to('POST /v1/approvals/:id/approve').at(-1)).toMatchObject({
    params: [ID],
    json: { reason: 'looked at it' },
  });
  const env = { CHANCERY_URL: fake.tenant.url, CHANCERY_KEY: TENANT_KEY };
  expect((await new Sandbox().run(['approvals', 'approve', ID], { env })).stderr).toContain('human_required');
});

test('refuse needs no person', async () => {
  const env = { CHANCERY_URL: fake.tenant.url, CHANCERY_KEY: TENANT_KEY };
  const ran = await sandbox.run(['approvals', 'refuse', ID], { env });
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/state\s+refused/) });
});

test('nobody approves their own: the way out says who does', async () => {
  fake.tenant.on('POST /v1/approvals/:id/approve', problem(403, 'own_request'));
  const ran = await sandbox.run(['approvals', 'approve', ID]);
  expect(ran.stderr).toContain('(own_request): somebody else approves it');
});

describe('execute', () => {
  const pending = {
    approval: { id: ID, state: 'pending', expires_at: approval.expires_at },
    audit: { seq: 7, hash: 'f' },
  };
  const asked = () => fake.tenant.to('POST /v1/credentials/:name/execute').at(-1);
  beforeEach(() => fake.tenant.on('POST /v1/credentials/:name/execute', ok(pending, 202)));

  test('of what waits for a person says how to go on, and exits with a code of its own', async () => {
    const ran = await sandbox.run(['execute', 'demo_key', 'https://api.test/', '--wait', '20']);
    expect(ran).toMatchObject({ code: 75, stdout: expect.stringContaining(ID) });
    expect(ran.stderr).toContain(`the same command again with --approval-id ${ID}`);
    expect(asked()?.headers.prefer).toBe('wait=20');
    expect((await sandbox.run(['execute', 'demo_key', 'https://api.test/', '--json'])).json()).toEqual(pending);
  });

  test('sends the approval it is given, and waits for nobody unless told to', async () => {
    await sandbox.run(['execute', 'demo_key', 'https://api.test/', '--approval-id', ID]);
    expect(asked()?.json).toMatchObject({ approval_id: ID });
    expect(asked()?.headers.prefer).toBeUndefined();
    expect((await sandbox.run(['execute', 'demo_key', 'https://api.test/', '--wait', '61'])).code).toBe(64);
  });
});
