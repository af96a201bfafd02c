import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { type DatabaseIdentity, readDatabaseIdentity } from '../platform/database/database-identity.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { publicId } from '../platform/ids.js';
import { ChainHeads } from './chain-heads.js';
import { CheckpointFile } from './checkpoint-file.js';
import { compareWithCheckpoint } from './compare-checkpoint.js';
import { KnownDatabaseFile } from './known-database.js';
import { type ChainEnd, isBehind } from './policy-memory.js';
import { SignCheckpoints } from './sign-checkpoints.js';

/** A chain whose end is not what was signed, or seen: `headSeq` is null when there is no chain at all any more. */
export interface ChainBehind {
  readonly tenant: string;
  readonly headSeq: number | null;
  readonly signedSeq: number;
  /** Where this process saw it end, when that is what tells. */
  readonly seenSeq?: number;
}

export interface StartupFinding {
  readonly behind: readonly ChainBehind[];
  readonly database: DatabaseIdentity;
  /** The database that the last start found, when it was another one. */
  readonly before: DatabaseIdentity | null;
}

/** Asked at start, before anything is appended, and when the database was started again: whether it is older than what was signed or seen of it, or another. */
@Injectable()
export class StartupCheck {
  readonly #known: KnownDatabaseFile;

  constructor(
    private readonly heads: ChainHeads,
    private readonly file: CheckpointFile,
    private readonly database: TenantDatabase,
    private readonly sign: SignCheckpoints,
    @Inject(CONFIG) { checkpointFile }: Pick<Config, 'checkpointFile'>,
  ) {
    this.#known = new KnownDatabaseFile(`${checkpointFile}.database`);
  }

  /** `seen`: by tenant, where chains ended when somebody looked last. */
  async execute(seen: ReadonlyMap<string, ChainEnd> = new Map()): Promise<StartupFinding> {
    const database = await readDatabaseIdentity(this.database);
    const known = await this.#known.read();
    const same = known === null || (known.system === database.system && known.timeline === database.timeline);
    return { behind: await this.#behind(new Set(known?.gone), seen), database, before: same ? null : known };
  }

  /**
   * When the finding has been acted upon: from here on this is the database, and its chains end where they end. What
   * was signed before stays in the file, and tells every later verification.
   */
  async accept({ database, behind }: StartupFinding): Promise<void> {
    const gone = behind.filter(({ headSeq }) => headSeq === null).map(({ tenant }) => tenant);
    const shorter = behind.filter(({ headSeq }) => headSeq !== null).map(({ tenant }) => tenant);
    if (shorter.length > 0) await this.sign.execute(undefined, new Set(shorter));
    const known = await this.#known.read();
    await this.#known.write({ ...database, gone: [...new Set([...(known?.gone ?? []), ...gone])] });
  }

  async #behind(knownGone: ReadonlySet<string>, seen: ReadonlyMap<string, ChainEnd>): Promise<ChainBehind[]> {
    const behind: ChainBehind[] = [];
    // Before the heads are read: what is signed meanwhile may be ahead of them, and is no sign of anything.
    const signed = new Map(this.file.tenants().map((tenant) => [tenant, this.file.latest(tenant)]));
    const gone = new Set([...signed.keys()].filter((tenant) => !knownGone.has(tenant)));
    for await (const head of this.heads.all()) {
      const tenant = publicId('ten', head.tenantId);
      gone.delete(tenant);
      const last = signed.get(tenant);
      const end = seen.get(head.tenantId);
      const isBehindSeen = end !== undefined && isBehind(head, end);
      if (compareWithCheckpoint(head, last) === 'behind')
        behind.push({ tenant, headSeq: head.seq, signedSeq: last?.seq ?? 0 });
      else if (isBehindSeen) behind.push({ tenant, headSeq: head.seq, signedSeq: last?.seq ?? 0, seenSeq: end.seq });
    }
    for (const tenant of gone) behind.push({ tenant, headSeq: null, signedSeq: signed.get(tenant)?.seq ?? 0 });
    return behind;
  }
}
