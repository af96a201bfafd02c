import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { allRows } from './pages.js';
import type { TenantView } from './views.js';

type Created = TenantView & {
  owner?: { id: string; email: string; password: string; otpauth_uri: string };
  service_key?: { id: string; key: string };
};

export function tenantCommands(program: Command, cli: Cli): void {
  const tenant = program.command('tenant').description('tenants of the platform (ops surface)');

  tenant
    .command('create')
    .argument('<namespace>', 'short and unique, e.g. acme')
    .requiredOption('--owner-email <email>', 'its first member')
    .option('--name <name>', 'its full name (default: the namespace)')
    .description("create a tenant; the owner's password, one-time code and a service key are shown once")
    .action(async (namespace: string, options: { ownerEmail: string; name?: string }) => {
      const connection = await cli.connect('ops');
      const json = { namespace, name: options.name ?? namespace, owner_email: options.ownerEmail };
      const made = await connection.json<Created>({ method: 'POST', path: '/v1/tenants', json });
      cli.out.result(made, () =>
        cli.out.record([
          ['id', made.id],
          ['namespace', made.namespace],
          ['name', made.name],
          ['owner', made.owner?.email],
          ['password', made.owner?.password],
          ['one-time code', made.owner?.otpauth_uri],
          ['service key', made.service_key?.key],
        ]),
      );
      if (made.owner) cli.out.note('password, one-time code and key are shown this once');
    });

  tenant
    .command('list')
    .description('all tenants')
    .action(async () => {
      const rows = await allRows<TenantView>(await cli.connect('ops'), '/v1/tenants');
      cli.out.result({ data: rows }, () =>
        cli.out.table(
          [
            { title: 'ID', of: (t: TenantView) => t.id },
            { title: 'NAMESPACE', of: (t) => t.namespace },
            { title: 'NAME', of: (t) => t.name },
            { title: 'CREATED', of: (t) => t.created_at },
          ],
          rows,
          'no tenants yet: `chancery tenant create NAMESPACE --owner-email EMAIL`',
        ),
      );
    });
}
