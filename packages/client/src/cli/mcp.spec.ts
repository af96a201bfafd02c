import { FakeChancery } from '../../test/fake-chancery.js';
import { ok, problem } from '../../test/fake-surface.js';
import { Sandbox } from '../../test/run-cli.js';

let fake: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
});
afterEach(() => fake.stop());

const say = async (...lines: unknown[]) => {
  const stdin = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  const { code, stdout } = await sandbox.run(['mcp'], { stdin });
  const said = stdout.split('\n').filter(Boolean);
  return { code, answers: said.map((line) => JSON.parse(line) as Record<string, unknown>) };
};
const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

test('each line is one request with a proof of its own, and each answer one line', async () => {
  fake.tenant.on('POST /mcp', ({ json }) => ok({ jsonrpc: '2.0', id: json.id, result: {} }));
  const { code, answers } = await say(ping, '', { ...ping, id: 'b' });
  expect(code).toBe(0);
  expect(answers).toEqual(
    expect.arrayContaining([expect.objectContaining({ id: 1 }), expect.objectContaining({ id: 'b' })]),
  );
  const proofs = fake.tenant.to('POST /mcp').map(({ headers }) => headers.dpop);
  expect(new Set(proofs).size).toBe(2);
});

test('what no server understands is answered here, and nothing of it is sent', async () => {
  const { answers } = await say('{', [ping], 'x'.repeat(1_048_577));
  expect(answers.map(({ error }) => (error as { code: number }).code).sort((a, b) => a - b)).toEqual([
    -32_700, -32_600, -32_600,
  ]);
  expect(fake.tenant.to('POST /mcp')).toHaveLength(0);
});

test('a problem of the server is an error of the message it was about; a notification has none', async () => {
  fake.tenant.on('POST /mcp', () => problem(403, 'brake_active', { title: 'An emergency brake is on' }));
  const { answers } = await say(ping, { jsonrpc: '2.0', method: 'notifications/initialized' });
  expect(answers).toMatchObject([
    { id: 1, error: { code: -32_000, message: expect.stringContaining('brake_active') } },
  ]);
  expect(answers).toHaveLength(1);
});
