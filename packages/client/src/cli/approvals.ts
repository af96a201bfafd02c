import { Option, type Command } from 'commander';
import type { Cli } from './cli.js';
import { allRows } from './pages.js';
import { showApproval, showApprovals } from './approvals-output.js';
import type { ApprovalView } from './views.js';

type ListOptions = { state: string; kind?: string; all?: boolean };

export function approvalCommands(program: Command, cli: Cli): void {
  const approvals = program.command('approvals').description('what waits for a person: uses, sessions, access');

  approvals
    .command('list')
    .addOption(
      new Option('--state <state>', 'only those in this state')
        .choices(['pending', 'approved', 'used', 'refused', 'expired'])
        .default('pending'),
    )
    .addOption(new Option('--kind <kind>', 'only those of this kind').choices(['use', 'session', 'access']))
    .option('--all', 'those of every state')
    .description('what waits for a person')
    .action((options: ListOptions) => list(cli, options));

  approvals
    .command('show')
    .argument('<id>', 'apr_…')
    .description('one of them, with exactly what would be sent; •••• stands where the credential goes')
    .action(async (id: string) => {
      const connection = await cli.connect('tenant');
      showApproval(cli, await connection.json<ApprovalView>({ method: 'GET', path: pathOf(id) }));
    });

  approvals
    .command('approve')
    .argument('<id>', 'apr_…')
    .option('--reason <text>', 'why; it stands in the audit log')
    .description('say yes (a person, with a fresh one-time code, and nobody to themselves)')
    .action((id: string, options: { reason?: string }) => decide(cli, id, 'approve', options));

  approvals
    .command('refuse')
    .argument('<id>', 'apr_…')
    .option('--reason <text>', 'why; it stands in the audit log')
    .description('say no')
    .action((id: string, options: { reason?: string }) => decide(cli, id, 'refuse', options));
}

async function list(cli: Cli, { state, kind, all }: ListOptions): Promise<void> {
  const query = { ...(all === true ? {} : { state }), ...(kind === undefined ? {} : { kind }) };
  showApprovals(cli, await allRows<ApprovalView>(await cli.connect('tenant'), '/v1/approvals', query));
}

async function decide(cli: Cli, id: string, verb: 'approve' | 'refuse', json: { reason?: string }): Promise<void> {
  const connection = await cli.connect('tenant');
  const request = { method: 'POST', path: `${pathOf(id)}/${verb}`, json };
  showApproval(cli, await connection.json<ApprovalView>(request, verb === 'approve' ? 'person' : 'anyone'));
}

const pathOf = (id: string): string => `/v1/approvals/${encodeURIComponent(id)}`;
