import { FakeChancery } from '../../test/fake-chancery.js';
import { ok, type Asked } from '../../test/fake-surface.js';
import { Sandbox } from '../../test/run-cli.js';

const webhook = {
  id: 'whk_1',
  url: 'https://a.test/hook',
  description: null,
  events: ['*'],
  state: 'active',
  disabled_reason: null,
  failing_since: null,
};
const delivery = {
  id: 'dlv_1',
  event_id: 'evt_1',
  type: 'brake.activated',
  state: 'pending',
  attempts: 1,
  next_attempt_at: '2026-11-22T07:05:00.000Z',
  created_at: '2026-11-22T07:00:00.000Z',
  log: [{ status: 503, error: 'the endpoint answered 503' }],
};

let fake: FakeChancery;
let sandbox: Sandbox;
const asked: Asked[] = [];
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
  asked.length = 0;
  const answer = (body: unknown) => (request: Asked) => (asked.push(request), ok(body));
  fake.guarded('tenant', 'POST /v1/webhooks', answer({ ...webhook, secret: 'whsec_AAAA' }));
  fake.guarded('tenant', 'GET /v1/webhooks', answer({ data: [webhook], next_cursor: null }));
  fake.guarded('tenant', 'GET /v1/webhooks/:id/deliveries', answer({ data: [delivery], next_cursor: null }));
  fake.guarded('tenant', 'POST /v1/webhooks/:id/replay', answer({ replayed: 3, next_since: '2026-11-22T08:30:00Z' }));
  fake.guarded('tenant', 'POST /v1/webhooks/deliveries/:id/replay', answer(delivery));
});
afterEach(() => fake.stop());

const run = (line: string) => sandbox.run(line.split(' '));

test('create asks for all events unless told which, and shows the secret once', async () => {
  const made = await run('webhook create https://a.test/hook');
  expect([made.code, made.stdout, made.stderr]).toEqual([
    0,
    expect.stringMatching(/^secret +whsec_AAAA$/m),
    'chancery: the secret is shown this once\n',
  ]);
  await run('webhook create https://a.test/hook --event brake.activated --event brake.cleared');
  expect(asked.map(({ json }): unknown => json.events)).toEqual([['*'], ['brake.activated', 'brake.cleared']]);
  const listed = await run('webhook list --json');
  expect(listed.json()).toEqual({ data: [webhook] });
});

test('deliveries say what came of the last try', async () => {
  const { code, stdout } = await run('webhook deliveries whk_1 --state pending --limit 5');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^dlv_1 +brake\.activated +pending +1 +503 /m)]);
});

test('replay takes a delivery, or a webhook with a time, and nothing else', async () => {
  expect((await run('webhook replay dlv_1 --json')).json()).toEqual(delivery);
  const since = await run('webhook replay whk_1 --since 2026-11-22T08:00:00Z --include-delivered');
  expect([since.stdout, since.stderr]).toEqual([
    'replaying 3\n',
    'chancery: there is more: repeat with --since 2026-11-22T08:30:00Z\n',
  ]);
  expect(asked.at(-1)?.json).toEqual({ since: '2026-11-22T08:00:00Z', include_delivered: true });
  for (const line of ['webhook replay whk_1', 'webhook replay dlv_1 --since 2026-11-22T08:00:00Z']) {
    expect((await run(line)).code).toBe(64);
  }
  expect(asked).toHaveLength(2);
});
