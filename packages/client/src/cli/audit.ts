import type { Command } from 'commander';
import { exportAudit } from './audit-export.js';
import { proveBrake, type ProveOptions } from './audit-prove-brake.js';
import { verifyChain, type VerifyOptions } from './audit-verify.js';
import type { Cli } from './cli.js';
import { collect, wholeNumber } from './values.js';
import type { EntryView, List } from './views.js';

type Ops = { ops?: boolean };
type ListOptions = Ops & { limit: number; cursor?: string; order: 'asc' | 'desc' };

const DETAILS_SHOWN = 160;

export function auditCommands(program: Command, cli: Cli): void {
  const audit = program.command('audit').description('the hash-chained audit log');

  audit
    .command('list')
    .option('--limit <n>', 'entries, 1 to 200', wholeNumber(1, 200), 50)
    .option('--cursor <cursor>', 'go on where an earlier list ended')
    .option('--order <order>', 'desc (newest first) or asc', 'desc')
    .option('--ops', "the platform's own chain")
    .description('entries of the chain')
    .action((options: ListOptions) => list(cli, options));

  audit
    .command('verify')
    .argument('[file]', 'an exported file, verified here without a server')
    .option('--full', 'download the whole chain and verify it here')
    .option('--key <verifier-key>', 'believe only checkpoints signed by this key (repeatable; file or --full)', collect)
    .option('--tenant <id>', 'the chain must be of this tenant (file or --full)')
    .option('--ops', "the platform's own chain")
    .description('verify every link; exit code 0 ok, 2 tampered, 3 gap, 4 checkpoint')
    .action((file: string | undefined, options: VerifyOptions) => verifyChain(cli, file, options));

  audit
    .command('prove-brake')
    .argument('<id>', 'the brake, on or cleared')
    .option('--file <export>', 'an exported file (repeatable); without, the chain as the server has it', collect)
    .option('--key <verifier-key>', 'believe only checkpoints signed by this key (repeatable)', collect)
    .option('--ops', "a global brake: the platform's own chain, then the tenant's")
    .description('prove that no use was allowed while a brake covered it; exit code 0 proven, 2 violated')
    .action((id: string, options: ProveOptions) => proveBrake(cli, id, options));

  audit
    .command('export')
    .option('-o, --out <file>', 'write to a file instead of stdout')
    .option('--force', 'replace the file')
    .option('--ops', "the platform's own chain")
    .description('the whole chain as NDJSON')
    .action((options: Ops & { out?: string; force?: boolean }) => exportAudit(cli, options));
}

async function list(cli: Cli, { ops, limit, cursor, order }: ListOptions): Promise<void> {
  const connection = await cli.connect(ops ? 'ops' : 'tenant');
  const query = { limit, cursor, order };
  const page = await connection.json<List<EntryView>>({ method: 'GET', path: '/v1/audit/entries', query });
  cli.out.result(page, () => {
    cli.out.table(
      [
        { title: 'SEQ', of: (e: EntryView) => e.seq },
        { title: 'AT', of: (e) => e.at },
        { title: 'ACTOR', of: (e) => e.actor },
        { title: 'ACTION', of: (e) => e.action },
        { title: 'OUTCOME', of: (e) => e.outcome },
        { title: 'DETAILS', of: (e) => JSON.stringify(e.details).slice(0, DETAILS_SHOWN) },
      ],
      page.data,
      'no entries',
    );
    if (page.next_cursor) cli.out.note(`there are more: --cursor ${page.next_cursor}`);
  });
}
