import { setTimeout as sleep } from 'node:timers/promises';
import { loginAs } from '../../src/platform/database/database-address.js';
import { PolicyListener } from '../../src/platform/database/policy-listener.js';
import { SERVICE_ROLES } from '../../src/platform/database/roles.js';
import { createLog } from '../../src/platform/telemetry/logger.js';
import { asSuperuser, cloneDatabase, openDatabase, type OpenDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { asTenant, newTenant } from '../support/tenants.js';
import { leaveNote, newCommitter, pullBrake, use } from '../support/toy-policy.js';

let database: TestDatabase;
let open: OpenDatabase;
let listener: PolicyListener;
let heard: (string | null)[];
beforeAll(async () => {
  database = await cloneDatabase();
  open = openDatabase(database);
});
beforeEach(async () => {
  heard = [];
  const login = loginAs(database.address, SERVICE_ROLES.scheduler, database.password);
  listener = new PolicyListener(login, createLog({ level: 'silent' }));
  listener.subscribe((tenantId) => heard.push(tenantId));
  listener.start();
  await untilHeard(1);
});
afterEach(() => listener.stop());
afterAll(async () => {
  await open?.close();
  await database?.drop();
});

const untilHeard = (count: number) =>
  eventually(
    () => heard,
    (all) => all.length >= count,
  );
/** Which tenants it named. A node that is starved for a second is deaf for a moment, and says once more that it may have missed some. */
const named = (): string[] => heard.filter((tenantId) => tenantId !== null);
const untilNamed = () =>
  eventually(
    () => named().length,
    (count) => count > 0,
  );

test('a policy act is heard when it commits, once, with its tenant; a use and a note are not', async () => {
  const [quiet, loud] = [await newTenant(database, open), await newTenant(database, open)];
  expect(named()).toEqual([]);
  await newCommitter(open, quiet).submit(use());
  await leaveNote(open, quiet);
  await pullBrake(open, loud);
  await untilNamed();
  await sleep(50);
  expect(named()).toEqual([loud]);
});

test('what is rolled back is not heard, and neither is what names no tenant', async () => {
  const tenantId = await newTenant(database, open);
  await asTenant(database, tenantId, async (client) => {
    await client.query('begin');
    await client.query("update brakes set clear_reason = 'x' where tenant_id = $1", [tenantId]);
    await client.query('rollback');
    await client.query("notify chancery_policy, 'drop table tenants'");
    await client.query('notify chancery_policy');
  });
  await pullBrake(open, tenantId);
  await untilNamed();
  expect(named()).toEqual([tenantId]);
});

test('a connection that is ended comes back, and says that anything may have changed meanwhile', async () => {
  for (let round = 0; round < 3; round += 1) {
    const before = heard.length;
    await asSuperuser(database.adminUrl, (admin) =>
      admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = $1',
        [SERVICE_ROLES.scheduler],
      ),
    );
    // Once when it is lost, once when it hears again.
    await untilHeard(before + 2);
    expect(heard.slice(before, before + 2)).toEqual([null, null]);
    const tenantId = await newTenant(database, open);
    await pullBrake(open, tenantId);
    await eventually(named, (all) => all.includes(tenantId));
  }
});
