import { readFileSync, writeFileSync } from 'node:fs';
import { ExportVerifier } from '@chancery/protocol/audit-export-verify.js';
import { CheckpointFile } from '../../src/audit/checkpoint-file.js';
import { VerifyChain } from '../../src/audit/verify-chain.js';
import { StartupCheck } from '../../src/audit/startup-check.js';
import { ChainHeads } from '../../src/audit/chain-heads.js';
import { publicId } from '../../src/platform/ids.js';
import { type OpenAudit, openAudit } from '../support/audit.js';
import { asSuperuser } from '../support/database.js';
import { newTenant } from '../support/tenants.js';

jest.setTimeout(60_000);

let audit: OpenAudit;
let tenant: string;
beforeAll(async () => {
  audit = await openAudit();
});
beforeEach(async () => {
  tenant = await newTenant(audit.database, audit.open);
});
afterAll(() => audit?.close());

const fill = async (entries: number): Promise<void> => {
  for (let i = 0; i < entries; i += 1) await audit.append(tenant, { details: { i } });
};
/** What somebody with the whole database in hand does to it. */
const tamper = (sql: string, values: unknown[] = []): Promise<unknown> =>
  asSuperuser(audit.database.adminUrl, (admin) => admin.query(sql, [tenant, ...values]));
const exported = async (): Promise<string> => {
  let text = '';
  for await (const piece of await audit.exporter.execute(tenant)) text += piece;
  return text;
};
const offline = (text: string, keys?: string[]) => {
  const verifier = new ExportVerifier(keys === undefined ? {} : { keys });
  for (const line of text.split('\n').slice(0, -1)) verifier.line(line);
  return verifier.finish();
};

test('P16: a chain that nobody touched verifies, live and exported, with its checkpoints', async () => {
  expect(await audit.verify.execute(tenant)).toMatchObject({ verdict: 'ok', entries: 0, head: { seq: 0 } });
  await fill(3);
  await audit.sign.execute();
  await fill(2);
  const found = await audit.verify.execute(tenant);
  expect(found).toMatchObject({ verdict: 'ok', entries: 5, reason: null, checkpoints: { checked: 1, last_seq: 3 } });
  expect(offline(await exported())).toMatchObject({
    verdict: 'ok',
    entries: 5,
    head: found.head,
    tenant: publicId('ten', tenant),
  });
});

test('an export is paged by key and holds no connection while nobody reads', async () => {
  const rows = `insert into chancery.audit_entries select $1, n, now(), 'a', 'b', 'c', '{}', '\\x00', '\\x00', '\\x00' from generate_series(1, 1200) n`;
  await tamper(rows);
  await tamper('update chancery.chain_head set seq = 1200 where tenant_id = $1');
  const lines = await audit.exporter.execute(tenant);
  await lines.next();
  const first = await lines.next();
  expect((first.value as string).split('\n')).toHaveLength(501);
  const { rowCount } = await asSuperuser(audit.database.adminUrl, (admin) =>
    admin.query("select from pg_stat_activity where datname = current_database() and state like 'idle in%'"),
  );
  expect(rowCount).toBe(0);
  await lines.return(undefined);
});

describe('P16: what was done to a chain behind its back is found and named', () => {
  beforeEach(async () => {
    await fill(4);
    await audit.sign.execute();
    await fill(1);
  });

  const cases: [string, string, object][] = [
    [
      'an altered row',
      `update chancery.audit_entries set details = '{"i": 7}' where tenant_id = $1 and seq = 2`,
      { verdict: 'tampered', first_bad_seq: 2 },
    ],
    [
      'an altered time',
      `update chancery.audit_entries set at = at + interval '1 ms' where tenant_id = $1 and seq = 3`,
      { verdict: 'tampered', first_bad_seq: 3 },
    ],
    [
      'a missing row',
      'delete from chancery.audit_entries where tenant_id = $1 and seq = 3',
      { verdict: 'gap', first_bad_seq: 3 },
    ],
    [
      'a missing tail',
      'delete from chancery.audit_entries where tenant_id = $1 and seq > 4',
      { verdict: 'gap', first_bad_seq: 5 },
    ],
    [
      'a row behind the head',
      `insert into chancery.audit_entries select tenant_id, 6, at, actor, action, outcome, details, salt, prev, hash from chancery.audit_entries where tenant_id = $1 and seq = 5`,
      { verdict: 'tampered', first_bad_seq: 6 },
    ],
    [
      'a tail that was cut together with the head',
      `with cut as (delete from chancery.audit_entries where tenant_id = $1 and seq > 3)
       update chancery.chain_head set seq = 3, hash = (select hash from chancery.audit_entries where tenant_id = $1 and seq = 3) where tenant_id = $1`,
      { verdict: 'checkpoint', first_bad_seq: 4 },
    ],
  ];
  test.each(cases)('%s', async (_, sql, expected) => {
    await tamper(sql);
    expect(await audit.verify.execute(tenant)).toMatchObject(expected);
    const { first_bad_seq: _seq, ...verdict } = expected as { first_bad_seq: number; verdict: string };
    if (sql.includes('select tenant_id, 6')) return; // what lies behind the head is not exported
    expect(offline(await exported())).toMatchObject(verdict);
  });
});

test('P16: a head that lies sends nobody through nothing for ever, and a hole hides nothing behind it', async () => {
  await fill(3);
  await tamper('update chancery.chain_head set seq = 9007199254740000 where tenant_id = $1');
  expect(await audit.verify.execute(tenant)).toMatchObject({ verdict: 'gap', first_bad_seq: 4, entries: 3 });
  expect((await exported()).split('\n')).toHaveLength(3 + 2 + 1);
  await tamper(
    `insert into chancery.audit_entries select tenant_id, 2000, at, actor, action, outcome, details, salt, prev, hash
     from chancery.audit_entries where tenant_id = $1 and seq = 3`,
  );
  expect(await audit.verify.execute(tenant)).toMatchObject({ verdict: 'gap', first_bad_seq: 4, entries: 4 });
  expect(await exported()).toContain('"seq":2000');
});

test('P16: a chain that is behind its checkpoint is not signed over, and is noticed at start', async () => {
  await fill(3);
  await audit.sign.execute();
  const behind = async () => (await audit.startup.execute()).behind.filter((found) => found.tenant === expected.tenant);
  const expected = { tenant: publicId('ten', tenant), headSeq: 2, signedSeq: 3 };
  expect(await behind()).toEqual([]);
  await tamper('delete from chancery.audit_entries where tenant_id = $1 and seq = 3');
  await tamper('update chancery.chain_head set seq = 2 where tenant_id = $1');
  expect(await behind()).toEqual([expected]);
  const before = readFileSync(audit.checkpointPath, 'utf8');
  await audit.sign.execute();
  expect(readFileSync(audit.checkpointPath, 'utf8')).toBe(before);
  expect(audit.logged).toContainEqual(
    expect.objectContaining({ msg: 'a chain is behind its last checkpoint', seq: 2 }),
  );
  await tamper('update chancery.chain_head set seq = 3 where tenant_id = $1'); // as long again, with another end
  await tamper("update chancery.chain_head set hash = sha256('other') where tenant_id = $1");
  expect(await behind()).toEqual([{ ...expected, headSeq: 3 }]);
  await tamper('delete from chancery.chain_head where tenant_id = $1');
  expect(await behind()).toEqual([{ ...expected, headSeq: null }]);
  await audit.startup.accept(await audit.startup.execute()); // and is told once only
  expect(await behind()).toEqual([]);
});

test('P16: a checkpoint is believed only under a key of this deployment, and a retired key’s go on counting', async () => {
  await fill(1);
  await audit.sign.execute();
  await audit.keys.rotate('checkpoint', 120_000, 'toy');
  audit.clock.aheadMs += 3_600_000;
  await fill(1);
  await audit.sign.execute();
  expect(await audit.verify.execute(tenant)).toMatchObject({ verdict: 'ok', checkpoints: { checked: 2, last_seq: 2 } });
  const other = await openAudit();
  try {
    // Another deployment's signature over the very same head.
    const lines = readFileSync(audit.checkpointPath, 'utf8').split('\n');
    const forged = lines.filter((line) => line.includes(publicId('ten', tenant)));
    writeFileSync(`${audit.checkpointPath}.copy`, `${forged.join('\n')}\n`);
    const copy = await CheckpointFile.open(`${audit.checkpointPath}.copy`);
    const judged = new VerifyChain(audit.chain, copy, other.keys);
    expect(await judged.execute(tenant)).toMatchObject({ verdict: 'checkpoint', checkpoints: { checked: 2 } });
    const heads = new ChainHeads(audit.open.services);
    const check = new StartupCheck(heads, copy, audit.open.tenants, audit.sign, {
      checkpointFile: audit.checkpointPath,
    });
    expect((await check.execute()).behind).toEqual([]);
    await copy.close();
  } finally {
    await other.close();
  }
});

test('entries are listed from either end, page by page, across holes too', async () => {
  await fill(7);
  const seqs = async (order: 'asc' | 'desc', after?: number): Promise<number[]> =>
    (await audit.list.execute(tenant, { order, after, limit: 3 })).map(({ entry }) => entry.seq);
  const walk = async (order: 'asc' | 'desc'): Promise<number[]> => {
    const all: number[] = [];
    for (let page = await seqs(order); page.length > 0; page = await seqs(order, page.at(-1))) all.push(...page);
    return all;
  };
  expect(await walk('asc')).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(await walk('desc')).toEqual([7, 6, 5, 4, 3, 2, 1]);
  await tamper('delete from chancery.audit_entries where tenant_id = $1 and seq in (1, 3, 4, 5)');
  expect(await walk('asc')).toEqual([2, 6, 7]);
  expect(await walk('desc')).toEqual([7, 6, 2]);
  await tamper('update chancery.chain_head set seq = 9007199254740000 where tenant_id = $1');
  expect(await walk('asc')).toEqual([2, 6, 7]);
  expect(await walk('desc')).toEqual([7, 6, 2]);
});

test('checkpoints are signed when a chain moved, and only then', async () => {
  await fill(1);
  expect(await audit.sign.execute()).toBeGreaterThanOrEqual(1);
  expect(await audit.sign.execute()).toBe(0);
  await fill(1);
  expect(await audit.sign.execute()).toBe(1);
});

test('P20: a third verification at once is refused', async () => {
  await fill(1);
  const all = await Promise.allSettled(Array.from({ length: 3 }, () => audit.verify.execute(tenant)));
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(await audit.verify.execute(tenant)).toMatchObject({ verdict: 'ok' });
});
