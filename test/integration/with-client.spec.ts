import { withClient } from '../../src/platform/database/with-client.js';
import { cloneDatabase } from '../support/database.js';

test('a connection lost while nothing is asked of it is found by the next question, not by the process', async () => {
  const { adminUrl: connectionString } = await cloneDatabase();
  const lost = withClient({ connectionString }, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const closed = new Promise((resolve) => client.once('end', resolve));
    await withClient({ connectionString }, (other) => other.query('select pg_terminate_backend($1)', [rows[0]?.pid]));
    await closed;
    return client.query('select 1');
  });
  await expect(lost).rejects.toThrow(/connection|terminated|not queryable/i);
});
