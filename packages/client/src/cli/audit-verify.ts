import type { Cli } from './cli.js';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-codes.js';
import type { VerificationView } from './views.js';

const VERIFY_TIMEOUT_MS = 600_000;
const EXIT_OF = { ok: EXIT.ok, tampered: EXIT.tampered, gap: EXIT.gap, checkpoint: EXIT.checkpoint } as const;

/** A live chain by the server, a live chain here (`--full`), or an exported file here. */
export async function verifyChain(
  cli: Cli,
  file: string | undefined,
  options: { ops?: boolean; full?: boolean },
): Promise<void> {
  if (file !== undefined || options.full) throw new CliError('not_yet', 'offline verification is not built', '');
  const connection = await cli.connect(options.ops ? 'ops' : 'tenant');
  const request = { method: 'GET', path: '/v1/audit/verification', timeoutMs: VERIFY_TIMEOUT_MS };
  const found = await connection.json<VerificationView>(request);
  if (!Object.hasOwn(EXIT_OF, found?.verdict ?? '')) {
    throw new CliError('unexpected_answer', 'the server gave no verdict', 'verify here with --full');
  }
  cli.exitCode = EXIT_OF[found.verdict];
  cli.out.result(found, () => {
    if (found.verdict === 'ok') {
      const { checked } = found.checkpoints;
      cli.out.line(`ok: ${found.entries} entries, head ${found.head.seq} ${found.head.hash}, ${checked} checkpoints`);
    } else {
      const where = found.first_bad_seq === null ? '' : ` at entry ${found.first_bad_seq}`;
      cli.out.line(`${found.verdict}${where}: ${found.reason ?? 'no reason given'}`);
    }
  });
}
