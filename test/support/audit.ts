import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AdministrativeActs } from '../../src/audit/administrative-acts.js';
import { ChainHeads } from '../../src/audit/chain-heads.js';
import { CheckpointFile } from '../../src/audit/checkpoint-file.js';
import { Committers } from '../../src/audit/committers.js';
import { ExportChain } from '../../src/audit/export-chain.js';
import { ListEntries } from '../../src/audit/list-entries.js';
import { ReadChain } from '../../src/audit/read-chain.js';
import { SignCheckpoints } from '../../src/audit/sign-checkpoints.js';
import { StartupCheck } from '../../src/audit/startup-check.js';
import { SweepIntents } from '../../src/audit/sweep-intents.js';
import { VerifyChain } from '../../src/audit/verify-chain.js';
import { Clock } from '../../src/platform/clock.js';
import { createLog } from '../../src/platform/telemetry/logger.js';
import type { EntryDraft, EntryRef } from '../../src/tenancy/acts.js';
import { SigningKeys } from '../../src/tenancy/signing-keys.js';
import { cloneDatabase, openDatabase } from './database.js';

/** A clock that a test may put forward. */
export class TestClock extends Clock {
  aheadMs = 0;
  #stoppedAt: number | undefined;

  /** From now on time passes only by `aheadMs`. */
  stop(): void {
    this.#stoppedAt = Date.now();
  }

  override now(): number {
    return (this.#stoppedAt ?? Date.now()) + this.aheadMs;
  }
}

/** The audit room on a database of its own, without HTTP. */
export async function openAudit() {
  const database = await cloneDatabase();
  const open = openDatabase(database);
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-audit-'));
  const checkpointPath = path.join(dir, 'checkpoints.ndjson');
  const file = await CheckpointFile.open(checkpointPath);
  const clock = new TestClock();
  const logged: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) };
  const log = createLog({ level: 'info', destination });
  const acts = new AdministrativeActs(open.tenants, clock);
  const keys = new SigningKeys(database.secret, open.tenants, acts, clock);
  const heads = new ChainHeads(open.services);
  const committers = new Committers(open.tenants, clock);
  const liveNodes = new Set<string>();
  const chain = new ReadChain(open.tenants, committers);
  const append = (tenantId: string, draft: Partial<EntryDraft> = {}): Promise<EntryRef> =>
    acts.run(tenantId, (act) =>
      act.chain.append({ actor: 'toy', action: 'toy.note', outcome: 'success', details: {}, ...draft }),
    );
  const sign = new SignCheckpoints(heads, keys, file, clock, log);
  const close = async (): Promise<void> => {
    await file.close();
    await open.close();
    await database.drop();
    rmSync(dir, { recursive: true, force: true });
  };
  return {
    database,
    open,
    clock,
    log,
    logged,
    acts,
    keys,
    file,
    checkpointPath,
    append,
    close,
    sign,
    chain,
    verify: new VerifyChain(chain, file, keys),
    liveNodes,
    sweep: new SweepIntents(heads, open.tenants, acts, clock, { bootIds: () => Promise.resolve(liveNodes) }, log),
    startup: new StartupCheck(heads, file, open.tenants, sign, { checkpointFile: checkpointPath }),
    list: new ListEntries(open.tenants, committers),
    exporter: new ExportChain(chain, file, clock),
  };
}
export type OpenAudit = Awaited<ReturnType<typeof openAudit>>;
