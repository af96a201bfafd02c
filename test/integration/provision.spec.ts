import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readDatabaseAddress } from '../../src/platform/database/database-address.js';
import { EmbeddedCluster } from '../../src/platform/database/embedded-cluster.js';
import { provisionDatabase } from '../../src/platform/database/provision.js';
import { SERVICE_ROLES } from '../../src/platform/database/roles.js';
import { newUuid } from '../../src/platform/ids.js';
import { ROLE_RULES } from '../support/catalogue-role-rules.js';
import { faultsOf, TABLE_RULES } from '../support/catalogue-rules.js';
import { asSuperuser, MIGRATIONS_FOLDER } from '../support/database.js';
import { asRole } from '../support/tenants.js';

jest.setTimeout(60_000);

const password = (role: string): string => `password of ${role}`;
const dir = path.join(mkdtempSync(path.join(tmpdir(), 'chancery-provision-')), 'postgres');
let cluster: EmbeddedCluster;
let adminUrl: string;
beforeAll(async () => {
  cluster = await EmbeddedCluster.start({ dir });
  await asSuperuser(cluster.adminUrl, async (superuser) => {
    await superuser.query("create role dba login createrole password 'x'");
    await superuser.query('create database chancery owner dba');
  });
  const url = new URL(cluster.adminUrl);
  Object.assign(url, { username: 'dba', password: 'x', pathname: '/chancery' });
  adminUrl = url.href;
});
afterAll(async () => {
  await cluster?.stop();
  await EmbeddedCluster.remove(dir);
});

const provision = (lines: string[]) =>
  provisionDatabase({
    adminUrl,
    address: readDatabaseAddress(adminUrl),
    password,
    migrationsFolder: MIGRATIONS_FOLDER,
    log: (line) => lines.push(line),
  });

/** As on a managed server, where nobody is a superuser. */
test('a login that may make roles and owns the database is enough, and repeats it', async () => {
  const lines: string[] = [];
  await provision(lines);
  await provision(lines);
  expect(lines).toContain('advisory locks and large objects stay open to tenants: only a superuser can withdraw them');
  const inside = cluster.adminUrl.replace(/postgres$/, 'chancery');
  await asSuperuser(inside, async (superuser) => {
    const faults = await faultsOf(superuser, { ...TABLE_RULES, ...ROLE_RULES });
    expect(faults.filter((fault) => !fault.startsWith('advisory locks'))).toEqual([]);
    const { rowCount } = await superuser.query(
      "select from pg_auth_members where member = 'dba'::regrole and set_option",
    );
    expect(rowCount).toBe(0); // what it needed to act as the owners, it gave back
  });
});

test('the provisioner makes tenants, and can neither read them nor make anything else', async () => {
  const address = readDatabaseAddress(adminUrl);
  const tenant = `t_${newUuid().replaceAll('-', '')}`;
  await asRole({ address, password }, SERVICE_ROLES.provisioner, async (provisioner) => {
    await provisioner.query(`create role ${tenant} login password 'x' in role chancery_tenant`);
    for (const sql of [
      'select from chancery.members',
      'set role chancery_tenant',
      `set role ${tenant}`,
      'create role bad superuser',
      'create role bad bypassrls',
      'grant chancery_owner to chancery_provisioner',
      'grant pg_read_all_data to chancery_provisioner',
      'alter role chancery_owner login',
    ]) {
      const denied = await provisioner.query(sql).then(
        () => 'allowed',
        (error: { code: string }) => error.code,
      );
      expect([sql, denied]).toEqual([sql, '42501']);
    }
  });
});
