import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AuditEntry, entryHash, genesisPrev } from '@chancery/protocol/audit-entry.js';
import { exportEndLine, exportEntryLine, exportHeaderLine } from '@chancery/protocol/audit-export.js';
import { FakeChancery } from '../../test/fake-chancery.js';
import { Sandbox } from '../../test/run-cli.js';

const TENANT = `ten_${'1'.repeat(32)}`;
const PLATFORM = `ten_${'0'.repeat(32)}`;
const BRAKE = `brk_${'b'.repeat(32)}`;
const AT = '2026-11-22T08:00:00.000Z';
type Drafted = Pick<AuditEntry, 'action' | 'outcome' | 'details'>;

let fake: FakeChancery;
let sandbox: Sandbox;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  sandbox = new Sandbox();
  sandbox.quickstart(fake.quickstartFile());
});
afterEach(() => fake.stop());

function exported(tenant: string, drafts: readonly Drafted[]): string {
  const lines = [exportHeaderLine(tenant, AT)];
  let prev = genesisPrev(tenant);
  drafts.forEach((draft, i) => {
    const entry: AuditEntry = {
      v: 1,
      tenant,
      seq: i + 1,
      at: AT,
      actor: 'agent:a1',
      ...draft,
      salt: '0'.repeat(32),
      prev,
    };
    prev = entryHash(entry);
    lines.push(exportEntryLine(entry, prev));
  });
  return [...lines, exportEndLine({ seq: drafts.length, hash: prev })].join('');
}

const pull = (scope: string): Drafted => ({
  action: 'brake.activate',
  outcome: 'success',
  details: { brake: BRAKE, scope, ...(scope === 'agent' && { agent: 'a1' }) },
});
const clear: Drafted = { action: 'brake.clear', outcome: 'success', details: { brake: BRAKE } };
const use = (platformSeq = 1, outcome = 'intent'): Drafted => ({
  action: 'credential.use',
  outcome,
  details: { credential: 'c1', platform_seq: platformSeq },
});

function write(name: string, text: string): string[] {
  writeFileSync(join(sandbox.cwd, name), text);
  return ['--file', name];
}
const prove = (...args: string[]) => sandbox.run(['audit', 'prove-brake', BRAKE, '--json', ...args]);

test('P4: a chain in which a brake held proves it, exit 0', async () => {
  const ran = await prove(...write('t', exported(TENANT, [use(), pull('agent'), use(1, 'denied'), clear, use()])));
  expect(ran.code).toBe(0);
  expect(ran.json()).toMatchObject({
    verdict: 'proven',
    scope: 'agent',
    covers: 'a1',
    from: 2,
    until: 4,
    tenant: TENANT,
    uses: 2,
    violations: [],
  });
  expect(fake.tenant.asked).toEqual([]);
});

test('P4: a use behind the brake is named, exit 2', async () => {
  const ran = await prove(...write('t', exported(TENANT, [pull('tenant'), use()])));
  expect(ran.code).toBe(2);
  expect(ran.json()).toMatchObject({ verdict: 'violated', violations: [{ tenant: TENANT, seq: 2 }] });
});

test('P4: the global brake is proven from the platform’s export and a tenant’s, in any order', async () => {
  const platform = write('p', exported(PLATFORM, [pull('tenant'), pull('global'), clear].slice(1)));
  const held = write('t', exported(TENANT, [use(0), use(1, 'denied'), use(2)]));
  const broken = write('x', exported(TENANT, [use(0), use(1)]));
  expect((await prove(...held, ...platform)).json()).toMatchObject({
    verdict: 'proven',
    chains: [PLATFORM, TENANT],
    uses: 2,
  });
  const ran = await prove(...platform, ...held, ...broken);
  expect(ran.code).toBe(2);
  expect(ran.json()).toMatchObject({ violations: [{ tenant: TENANT, seq: 2 }] });
});

test('a chain that is not whole proves nothing', async () => {
  const text = exported(TENANT, [pull('tenant'), use(1, 'denied')]);
  expect((await prove(...write('t', text.replace('denied', 'intent')))).code).toBe(2);
  expect((await prove(...write('t', text.split('\n').slice(0, -2).join('\n')))).code).toBe(3);
});

test.each<[string, string, string[]]>([
  ['no brake', 'brk_1', []],
  ['another brake', `brk_${'c'.repeat(32)}`, ['--file', 't']],
  ['a file that is not there', BRAKE, ['--file', 'nowhere']],
  ['a global brake without the chains it is about', BRAKE, ['--file', 'p']],
])('%s: exit 64', async (_what, id, args) => {
  write('t', exported(TENANT, [pull('tenant')]));
  write('p', exported(PLATFORM, [pull('global')]));
  expect((await sandbox.run(['audit', 'prove-brake', id, ...args])).code).toBe(64);
});
