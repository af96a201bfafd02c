import type { Command } from 'commander';
import type { Cli } from './cli.js';
import type { Surface } from './profile.js';
import { allRows } from './pages.js';
import type { MemberView } from './views.js';

type Ops = { ops?: boolean };
const surfaceOf = (options: Ops): Surface => (options.ops ? 'ops' : 'tenant');

export function memberCommands(program: Command, cli: Cli): void {
  const member = program.command('member').description('the people of a tenant; with --ops the staff');

  member
    .command('list')
    .option('--ops', 'the staff')
    .description('all members')
    .action(async (options: Ops) => {
      const rows = await allRows<MemberView>(await cli.connect(surfaceOf(options)), '/v1/members');
      cli.out.result({ data: rows }, () =>
        cli.out.table(
          [
            { title: 'ID', of: (m: MemberView) => m.id },
            { title: 'EMAIL', of: (m) => m.email },
            { title: 'ROLE', of: (m) => m.role },
            { title: 'CREATED', of: (m) => m.created_at },
          ],
          rows,
          'no members',
        ),
      );
    });

  member
    .command('add')
    .argument('<email>')
    .requiredOption('--role <role>', 'owner, admin, approver or auditor')
    .option('--ops', 'to the staff')
    .description('add a person (an owner, with a fresh one-time code); password and one-time code are shown once')
    .action(async (email: string, options: Ops & { role: string }) => {
      const connection = await cli.connect(surfaceOf(options));
      const json = { email, role: options.role };
      const made = await connection.json<MemberView & { password?: string; otpauth_uri?: string }>(
        { method: 'POST', path: '/v1/members', json },
        'person',
      );
      cli.out.result(made, () =>
        cli.out.record([
          ['id', made.id],
          ['email', made.email],
          ['role', made.role],
          ['password', made.password],
          ['one-time code', made.otpauth_uri],
        ]),
      );
      if (made.password) cli.out.note('password and one-time code are shown this once');
    });

  member
    .command('remove')
    .argument('<id>', 'mem_…')
    .option('--ops', 'from the staff')
    .description('remove a person (an owner, with a fresh one-time code)')
    .action(async (id: string, options: Ops) => {
      const connection = await cli.connect(surfaceOf(options));
      await connection.json({ method: 'DELETE', path: `/v1/members/${encodeURIComponent(id)}` }, 'person');
      cli.out.result({ removed: id }, () => cli.out.line(`removed ${id}`));
    });
}
