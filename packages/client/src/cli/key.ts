import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { allRows } from './pages.js';
import type { KeyView } from './views.js';

type Ops = { ops?: boolean };

export function keyCommands(program: Command, cli: Cli): void {
  const key = program.command('key').description('service keys of a tenant; with --ops of the platform');
  const connect = (options: Ops) => cli.connect(options.ops ? 'ops' : 'tenant');

  key
    .command('list')
    .option('--ops', 'of the platform')
    .description('all service keys, without the keys')
    .action(async (options: Ops) => {
      const rows = await allRows<KeyView>(await connect(options), '/v1/service-keys');
      cli.out.result({ data: rows }, () =>
        cli.out.table(
          [
            { title: 'ID', of: (k: KeyView) => k.id },
            { title: 'NAME', of: (k) => k.name },
            { title: 'ROLE', of: (k) => k.role },
            { title: 'CREATED', of: (k) => k.created_at },
          ],
          rows,
          'no service keys: `chancery key create NAME`',
        ),
      );
    });

  key
    .command('create')
    .argument('<name>')
    .option('--role <role>', 'admin or auditor', 'admin')
    .option('--ops', 'for the platform')
    .description('create a service key; it is shown once')
    .action(async (name: string, options: Ops & { role: string }) => {
      const connection = await connect(options);
      const json = { name, role: options.role };
      const made = await connection.json<KeyView & { key?: string }>({
        method: 'POST',
        path: '/v1/service-keys',
        json,
      });
      cli.out.result(made, () =>
        cli.out.record([
          ['id', made.id],
          ['name', made.name],
          ['role', made.role],
          ['key', made.key],
        ]),
      );
      if (made.key) cli.out.note('the key is shown this once');
    });

  key
    .command('revoke')
    .argument('<id>', 'key_…')
    .option('--ops', 'of the platform')
    .description('end a service key')
    .action(async (id: string, options: Ops) => {
      const connection = await connect(options);
      await connection.json({ method: 'DELETE', path: `/v1/service-keys/${encodeURIComponent(id)}` });
      cli.out.result({ revoked: id }, () => cli.out.line(`revoked ${id}`));
    });
}
