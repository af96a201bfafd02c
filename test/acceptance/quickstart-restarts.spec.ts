import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Demonstration, type State } from './support/demonstration.js';
import { eventually } from './support/eventually.js';
import { isAlive, QUICKSTART, ROOT, run } from './support/program.js';

jest.setTimeout(300_000);

const SECONDS_MAX = 30;

const demonstration = new Demonstration();
let before: State;
beforeAll(async () => {
  expect(await demonstration.tell('--exit')).toMatchObject({ code: 0 });
  before = demonstration.state;
});
afterAll(() => demonstration.dispose());

async function agentsOf({ tenantUrl, tenantKey }: State): Promise<unknown> {
  const answer = await fetch(`${tenantUrl}/v1/agents`, { headers: { authorization: `Bearer ${tenantKey}` } });
  return ((await answer.json()) as { data: { name: string; id: string }[] }).data.map(({ name, id }) => [name, id]);
}

async function vaultOf({ opsUrl, opsKey }: State): Promise<unknown> {
  return (await fetch(`${opsUrl}/v1/vault`, { headers: { authorization: `Bearer ${opsKey}` } })).json();
}

test('P7: a second start takes seconds, has the same data at the same ports, is sealed, and says the way out', async () => {
  const started = Date.now();
  const said = await demonstration.start();
  expect(Date.now() - started).toBeLessThan(SECONDS_MAX * 1000);
  const { databaseUrl: _, ...same } = before;
  expect(demonstration.state).toMatchObject(same);
  expect(await agentsOf(before)).toEqual([
    ['scribe', before.agents['scribe']?.id],
    ['intern', before.agents['intern']?.id],
  ]);
  expect(await vaultOf(before)).toEqual({ state: 'sealed' });
  expect(said).toMatch(/sealed.*\n.*chancery unseal.*\nLost it\? .*-- --reset/);
  expect(said).not.toContain('Master password, shown');
  for (const url of [before.tenantUrl, before.publicUrl, before.opsUrl]) expect(said).toContain(url);
  expect(said).toContain(`${before.tenantUrl}/reference`);
});

test('a second one in the same folder is turned away, whatever it was told to do, and the first is unharmed', async () => {
  for (const options of [[], ['--exit'], ['--reset']]) {
    const second = await demonstration.tell(...options);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(
      /^quickstart: a quickstart runs in this folder already, as process \d+: .*kill \d+\n/,
    );
  }
  expect(await vaultOf(before)).toEqual({ state: 'sealed' });
});

// SIGINT is what Ctrl-C sends, which quickstart-prompt.spec.ts types.
test.each(['SIGTERM', 'SIGHUP'] as const)('%s ends it in order, its database with it', async (signal) => {
  if (!demonstration.postgres) await demonstration.start();
  const { postgres } = demonstration;
  expect(postgres).toBeDefined();
  expect(await demonstration.end(signal)).toMatchObject({ code: 0, stderr: '' });
  expect(isAlive(postgres ?? 0)).toBe(false);
});

test('P14: killed, it leaves its database behind; the next start clears that away and loses nothing', async () => {
  await demonstration.start();
  const orphan = demonstration.postgres;
  await demonstration.end('SIGKILL');
  expect(isAlive(orphan ?? 0)).toBe(true);
  await demonstration.start();
  expect(isAlive(orphan ?? 0)).toBe(false);
  expect(await agentsOf(demonstration.state)).toHaveLength(2);
  await demonstration.end('SIGTERM');
});

test('a port of last time that somebody has taken is exchanged, and the file says so', async () => {
  const { port } = new URL(before.tenantUrl);
  const holder = createServer().listen(Number(port), '127.0.0.1');
  await once(holder, 'listening');
  expect((holder.address() as AddressInfo).port).toBe(Number(port));
  try {
    await demonstration.start();
    expect(demonstration.state.tenantUrl).not.toBe(before.tenantUrl);
    expect(await agentsOf(demonstration.state)).toHaveLength(2);
  } finally {
    await demonstration.end('SIGTERM');
    await new Promise((resolve) => holder.close(resolve));
  }
});

test.each([
  ['before the database is there', 100],
  ['while it starts', 900],
  ['amid the story', 2_500],
])('ended %s, the first start leaves no process behind', async (_, afterMs) => {
  const another = new Demonstration();
  try {
    const server = another.launch();
    await new Promise((resolve) => server.stdout?.once('data', resolve));
    await sleep(afterMs);
    const outcome = await another.end('SIGTERM');
    expect([143, 0]).toContain(outcome.code);
    await eventually(() => another.postgres === undefined);
    expect(existsSync(another.file('running'))).toBe(false);
  } finally {
    await another.dispose();
  }
});

test('a state file that cannot be read is told with the way out, and --reset is it: another tenant, another password', async () => {
  writeFileSync(demonstration.file('quickstart.json'), '{"half of');
  const broken = await demonstration.tell('--exit');
  expect(broken.code).toBe(1);
  expect(broken.stderr).toMatch(/^quickstart: .*quickstart\.json cannot be read; start over with -- --reset\n$/);
  const anew = await demonstration.tell('--exit', '--reset');
  expect(anew).toMatchObject({ code: 0 });
  expect(anew.stdout).toContain('Master password, shown this once');
  expect(demonstration.state.tenantId).not.toBe(before.tenantId);
});

test.each([[['--bogus']], [['story']], [['--exit=yes']], [['--dir']]])('%p is a usage error', async (options) => {
  const outcome = await run([process.execPath, `${ROOT}/infra/local/quickstart.mjs`, ...options]);
  expect(outcome).toMatchObject({ code: 64 });
  expect(outcome.stderr).toMatch(/^quickstart: .+\nnpm run quickstart \[-- options\]\n/);
});

// Below /proc Linux says ENOENT for ever; below a file every system says ENOTDIR.
test.each(process.platform === 'linux' ? ['/proc/nowhere/deep', __filename] : [__filename])(
  'a folder that cannot be made, below %s, is told of with the way out',
  async (dir) => {
    const outcome = await run([...QUICKSTART, '--exit', '--dir', `${dir}/x`]);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^quickstart: .+ cannot be made \(\w+\); choose another folder with --dir\n$/);
  },
);
