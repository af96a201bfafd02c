import { readFileSync } from 'node:fs';
import path from 'node:path';
import { provisionDatabase } from '../../src/platform/database/provision.js';
import { dumpSchema } from '../../src/platform/database/schema-dump.js';
import { alone } from '../support/cluster.js';
import { asSuperuser, cloneDatabase, MIGRATIONS_FOLDER, type TestDatabase } from '../support/database.js';

jest.setTimeout(60_000);

let database: TestDatabase;
beforeAll(async () => {
  database = await cloneDatabase();
});
afterAll(() => database?.drop());

test('migrations/schema.txt says what the migrations come to', async () => {
  const dumped = await asSuperuser(database.adminUrl, dumpSchema);
  expect(dumped).toBe(readFileSync(path.join(MIGRATIONS_FOLDER, 'schema.txt'), 'utf8'));
});

test('a second start on the same database changes nothing', async () => {
  const before = await asSuperuser(database.adminUrl, dumpSchema);
  await alone(() => provisionDatabase({ ...database, migrationsFolder: MIGRATIONS_FOLDER }));
  expect(await asSuperuser(database.adminUrl, dumpSchema)).toBe(before);
});
