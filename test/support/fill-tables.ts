import type { Client } from 'pg';

/** Every table of the schema that has a tenant. */
export async function tenantTables(admin: Client): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
     where c.relnamespace = 'chancery'::regnamespace and c.relkind = 'r' order by 1`,
  );
  return rows.map((row) => row.name);
}

const SAMPLES: Readonly<Record<string, string>> = {
  uuid: 'gen_random_uuid()',
  text: "'sample ' || gen_random_uuid()",
  bytea: "sha256('sample')",
  jsonb: "'{}'",
  bool: 'false',
  int4: '1',
  int8: '1',
  timestamptz: 'now()',
};

/** One row of a tenant in every table that has none of it yet, past foreign keys and triggers. */
export async function fillTenantTables(admin: Client, tenantId: string): Promise<void> {
  await admin.query('set session_replication_role = replica');
  for (const table of await tenantTables(admin)) {
    const { rows } = await admin.query<{ name: string; type: string }>(
      `select a.attname as name, t.typname as type from pg_attribute a join pg_type t on t.oid = a.atttypid
       where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
      [`chancery.${table}`],
    );
    const values = rows.map(({ name, type }) => (name === 'tenant_id' ? '$1::uuid' : SAMPLES[type]));
    await admin.query(
      `insert into chancery.${table} select ${values.join(', ')} where not exists (select from chancery.${table} where tenant_id = $1)`,
      [tenantId],
    );
  }
  await admin.query('set session_replication_role = origin');
}
