import { assertDurable, NotDurableError } from './durability.js';
import type { TenantDatabase } from './tenant-database.js';

/** A server whose settings are these, and on otherwise. */
function serverWith(settings: Readonly<Record<string, string>>): TenantDatabase {
  const query = async (_: string, [name = '']: string[]) => ({ rows: [{ value: settings[name] ?? 'on' }] });
  const inTenant = (_: string, work: (tx: unknown) => Promise<unknown>) => work({ client: { query } });
  return { inTenant } as unknown as TenantDatabase;
}

test('P14: a server that keeps what it acknowledged may be used', async () => {
  await expect(assertDurable(serverWith({}))).resolves.toBeUndefined();
  await expect(assertDurable(serverWith({ synchronous_commit: 'remote_apply' }))).resolves.toBeUndefined();
});

test.each([
  ['fsync', 'off'],
  ['synchronous_commit', 'off'],
  ['synchronous_commit', 'local'],
  ['full_page_writes', 'off'],
])('P14: %s = %s is no start', async (setting, value) => {
  const refused = assertDurable(serverWith({ [setting]: value }));
  await expect(refused).rejects.toThrow(NotDurableError);
  await expect(refused).rejects.toThrow(`${setting} = ${value}`);
});
