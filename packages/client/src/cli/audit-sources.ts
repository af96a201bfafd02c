import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ExportVerifier, type ExportVerification } from '@chancery/protocol/audit-export-verify.js';
import { networkError } from '../http-failures.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import { readLines } from './lines.js';
import type { Surface } from './profile.js';

const PROGRESS_EVERY_LINES = 100_000;

/** Verifies an exported file, and hands on each line as it reads it. */
export async function readExportFile(
  cli: Cli,
  file: string,
  verifier: ExportVerifier,
  onLine?: (line: string) => void,
): Promise<ExportVerification> {
  const handle = await open(resolve(cli.io.cwd, file), 'r').catch(() => undefined);
  if (!handle || !(await handle.stat()).isFile()) {
    await handle?.close();
    throw usage('the file cannot be read', 'name a file that `chancery audit export` wrote');
  }
  return readExport(cli, handle.createReadStream(), verifier, onLine);
}

/** The same with a chain as the server exports it now. */
export async function readExportDownload(
  cli: Cli,
  surface: Surface,
  verifier: ExportVerifier,
  onLine?: (line: string) => void,
): Promise<ExportVerification> {
  const connection = await cli.connect(surface);
  const { body } = await connection.stream({ method: 'GET', path: '/v1/audit/export' });
  try {
    return await readExport(cli, body, verifier, onLine);
  } catch (error) {
    throw error instanceof CliError ? error : networkError(error, connection.http.baseUrl, undefined);
  }
}

export function newExportVerifier({ key: keys, tenant }: { key?: string[]; tenant?: string }): ExportVerifier {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');
  try {
    return new ExportVerifier({ digest, ...(keys ? { keys } : {}), ...(tenant ? { tenant } : {}) });
  } catch {
    throw usage('--key is no verifier key', 'it looks like name+1a2b3c4d+AbC…, as an export has it');
  }
}

async function readExport(
  cli: Cli,
  bytes: AsyncIterable<Uint8Array>,
  verifier: ExportVerifier,
  onLine: (line: string) => void = () => undefined,
): Promise<ExportVerification> {
  let lines = 0;
  for await (const line of readLines(bytes)) {
    // what is no UTF-8 or too long is no line of an export: the empty one is none either
    verifier.line(line ?? '');
    onLine(line ?? '');
    lines += 1;
    if (lines % PROGRESS_EVERY_LINES === 0) cli.out.note(`${lines} lines …`);
  }
  return verifier.finish();
}
