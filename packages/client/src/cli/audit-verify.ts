import type { ExportVerification } from '@chancery/protocol/audit-export-verify.js';
import { VERDICT_EXIT_CODES, type ChainVerification, type Verdict } from '@chancery/protocol/audit-verify.js';
import { newExportVerifier, readExportDownload, readExportFile } from './audit-sources.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';

const VERIFY_TIMEOUT_MS = 600_000;

export type VerifyOptions = { ops?: boolean; full?: boolean; key?: string[]; tenant?: string };

/** A live chain by the server, a live chain here (`--full`), or an exported file here. The exit code is the verdict. */
export async function verifyChain(cli: Cli, file: string | undefined, options: VerifyOptions): Promise<void> {
  if (file !== undefined) return report(cli, await readExportFile(cli, file, newExportVerifier(options)));
  if (options.full)
    return report(cli, await readExportDownload(cli, options.ops ? 'ops' : 'tenant', newExportVerifier(options)));
  if (options.key || options.tenant)
    throw usage('--key and --tenant are for verifying here', 'name a file or say --full');
  const connection = await cli.connect(options.ops ? 'ops' : 'tenant');
  const request = { method: 'GET', path: '/v1/audit/verification', timeoutMs: VERIFY_TIMEOUT_MS };
  report(cli, await connection.json<ChainVerification>(request));
}

function report(cli: Cli, found: ChainVerification | ExportVerification): void {
  if (!Object.hasOwn(VERDICT_EXIT_CODES, found?.verdict ?? '')) {
    throw new CliError('unexpected_answer', 'the server gave no verdict', 'verify here with --full');
  }
  const verdict: Verdict = found.verdict;
  cli.exitCode = VERDICT_EXIT_CODES[verdict];
  cli.out.result(found, () => {
    const where = found.first_bad_seq === null ? '' : ` at entry ${found.first_bad_seq}`;
    cli.out.line(verdict === 'ok' ? 'ok' : `${verdict}${where}: ${found.reason ?? 'no reason given'}`);
    cli.out.record([
      ['tenant', 'tenant' in found ? found.tenant : null],
      ['entries', found.entries],
      ['head', `${found.head.seq} ${found.head.hash}`],
      ['checkpoints', `${found.checkpoints.checked}, the last at entry ${found.checkpoints.last_seq ?? 0}`],
      ['signed by', 'keys' in found ? found.keys.join(', ') : null],
    ]);
  });
  if ('pinned' in found && !found.pinned && found.keys.length > 0) {
    cli.out.note("the checkpoints' keys are the file's own word; --key pins the ones you know");
  }
}
