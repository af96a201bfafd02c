import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ExportVerifier, type ExportVerification } from '@chancery/protocol/audit-export-verify.js';
import { VERDICT_EXIT_CODES, type ChainVerification, type Verdict } from '@chancery/protocol/audit-verify.js';
import { networkError } from '../http-failures.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import { readLines } from './lines.js';

const VERIFY_TIMEOUT_MS = 600_000;
const PROGRESS_EVERY_LINES = 100_000;

export type VerifyOptions = { ops?: boolean; full?: boolean; key?: string[]; tenant?: string };

/** A live chain by the server, a live chain here (`--full`), or an exported file here. The exit code is the verdict. */
export async function verifyChain(cli: Cli, file: string | undefined, options: VerifyOptions): Promise<void> {
  if (file !== undefined) return report(cli, await verifyFile(cli, file, options));
  if (options.full) return report(cli, await verifyDownload(cli, options));
  if (options.key || options.tenant)
    throw usage('--key and --tenant are for verifying here', 'name a file or say --full');
  const connection = await cli.connect(options.ops ? 'ops' : 'tenant');
  const request = { method: 'GET', path: '/v1/audit/verification', timeoutMs: VERIFY_TIMEOUT_MS };
  report(cli, await connection.json<ChainVerification>(request));
}

async function verifyFile(cli: Cli, file: string, options: VerifyOptions): Promise<ExportVerification> {
  const verifier = newVerifier(options);
  const handle = await open(resolve(cli.io.cwd, file), 'r').catch(() => undefined);
  if (!handle || !(await handle.stat()).isFile()) {
    await handle?.close();
    throw usage('the file cannot be read', 'name a file that `chancery audit export` wrote');
  }
  return verifyBytes(cli, handle.createReadStream(), verifier);
}

async function verifyDownload(cli: Cli, options: VerifyOptions): Promise<ExportVerification> {
  const verifier = newVerifier(options);
  const connection = await cli.connect(options.ops ? 'ops' : 'tenant');
  const { body } = await connection.stream({ method: 'GET', path: '/v1/audit/export' });
  try {
    return await verifyBytes(cli, body, verifier);
  } catch (error) {
    throw error instanceof CliError ? error : networkError(error, connection.http.baseUrl, undefined);
  }
}

async function verifyBytes(
  cli: Cli,
  bytes: AsyncIterable<Buffer>,
  verifier: ExportVerifier,
): Promise<ExportVerification> {
  let lines = 0;
  for await (const line of readLines(bytes)) {
    // what is no UTF-8 or too long is no line of an export: the empty one is none either
    verifier.line(line ?? '');
    lines += 1;
    if (lines % PROGRESS_EVERY_LINES === 0) cli.out.note(`${lines} lines …`);
  }
  return verifier.finish();
}

function newVerifier({ key: keys, tenant }: VerifyOptions): ExportVerifier {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');
  try {
    return new ExportVerifier({ digest, ...(keys ? { keys } : {}), ...(tenant ? { tenant } : {}) });
  } catch {
    throw usage('--key is no verifier key', 'it looks like name+1a2b3c4d+AbC…, as an export has it');
  }
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
