import { BrakeProver, type BrakeSpan, type BrakeViolation } from '@chancery/protocol/audit-brake-proof.js';
import type { AuditEntry } from '@chancery/protocol/audit-entry.js';
import { parseExportLine } from '@chancery/protocol/audit-export.js';
import type { ExportVerification } from '@chancery/protocol/audit-export-verify.js';
import { VERDICT_EXIT_CODES } from '@chancery/protocol/audit-verify.js';
import { isId } from '@chancery/protocol/ids.js';
import { newExportVerifier, readExportDownload, readExportFile } from './audit-sources.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import { EXIT } from './exit-codes.js';

export type ProveOptions = { ops?: boolean; file?: string[]; key?: string[] };

type Source = { name: string; read: (onLine: (line: string) => void) => Promise<ExportVerification> };
type Examined = { source: Source; prover: BrakeProver; tenant: string };

const VIOLATED = 2;

/**
 * Proves from exports alone that a brake held: in the chain it stands in, and for the global one in every tenant's chain
 * that is given. The chains are verified on the way: a proof from one that is not whole would be none.
 */
export async function proveBrake(cli: Cli, id: string, options: ProveOptions): Promise<void> {
  if (!isId('brk', id)) throw usage('that is no brake', 'it looks like brk_ and 32 hexadecimal digits');
  const sources = sourcesOf(cli, options);
  const examined: Examined[] = [];
  for (const source of sources) examined.push(await examine(source, new BrakeProver(id)));
  const home = examined.find(({ prover }) => prover.span !== undefined);
  const span = home?.prover.span;
  if (home === undefined || span === undefined) {
    throw usage(
      'no such brake stands there',
      'an export holds the brakes of its own tenant, the platform’s the global ones',
    );
  }
  const chains = span.scope === 'global' ? await underGlobal(examined, home, span) : [home];
  report(cli, span, home.tenant, chains);
}

function sourcesOf(cli: Cli, { file: files, key, ops }: ProveOptions): Source[] {
  const verifier = () => newExportVerifier(key === undefined ? {} : { key });
  if (files !== undefined) {
    return files.map((file) => ({ name: file, read: (onLine) => readExportFile(cli, file, verifier(), onLine) }));
  }
  return (ops ? (['ops', 'tenant'] as const) : (['tenant'] as const)).map((surface) => ({
    name: `the ${surface} chain`,
    read: (onLine) => readExportDownload(cli, surface, verifier(), onLine),
  }));
}

async function examine(source: Source, prover: BrakeProver): Promise<Examined> {
  const verified = await source.read((line) => {
    const parsed = parseExportLine(line);
    // The verifier reads the same line, and says so when the entry in it is malformed.
    if (parsed?.kind === 'entry' && isEntryLike(parsed.entry)) prover.entry(parsed.entry);
  });
  if (verified.verdict === 'ok') return { source, prover, tenant: verified.tenant ?? '' };
  const reason = `${source.name} is not whole: ${verified.reason ?? verified.verdict}`;
  throw new CliError(
    verified.verdict,
    reason,
    '`chancery audit verify` says more',
    VERDICT_EXIT_CODES[verified.verdict],
  );
}

/** Every other chain, once more, now that the span is known. */
async function underGlobal(examined: Examined[], home: Examined, span: BrakeSpan): Promise<Examined[]> {
  const others = examined.filter((one) => one !== home);
  if (others.length === 0) {
    throw usage('the global brake is about uses in tenants’ chains', 'give their exports too: --file, once for each');
  }
  const chains = [home];
  for (const { source } of others) chains.push(await examine(source, new BrakeProver(span.brake, span)));
  return chains;
}

function report(cli: Cli, span: BrakeSpan, tenant: string, chains: readonly Examined[]): void {
  const violations = chains.flatMap(({ prover, tenant: chain }): (BrakeViolation & { tenant: string })[] =>
    prover.violation === undefined ? [] : [{ tenant: chain, ...prover.violation }],
  );
  const verdict = violations.length === 0 ? 'proven' : 'violated';
  const uses = chains.reduce((sum, { prover }) => sum + prover.uses, 0);
  cli.exitCode = verdict === 'proven' ? EXIT.ok : VIOLATED;
  const found = { verdict, ...span, tenant, chains: chains.map((one) => one.tenant), uses, violations };
  cli.out.result(found, () => {
    cli.out.line(verdict);
    for (const { tenant: chain, reason } of violations) cli.out.line(`${chain}: ${reason}`);
    cli.out.record([
      ['brake', `${span.brake}, ${span.scope}${span.covers === null ? '' : ` ${span.covers}`}`],
      ['on', `from entry ${span.from} ${span.until === null ? 'on' : `to entry ${span.until}`} of ${tenant}`],
      ['allowed uses looked at', uses],
      ['chains', found.chains.join(', ')],
    ]);
  });
}

function isEntryLike(entry: object): entry is AuditEntry {
  const { seq, actor, action, outcome, details } = entry as Partial<AuditEntry>;
  const words = [actor, action, outcome].every((word) => typeof word === 'string');
  return words && typeof seq === 'number' && typeof details === 'object' && details !== null;
}
