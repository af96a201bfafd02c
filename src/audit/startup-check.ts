import { Injectable } from '@nestjs/common';
import { publicId } from '../platform/ids.js';
import { ChainHeads } from './chain-heads.js';
import { CheckpointFile } from './checkpoint-file.js';
import { compareWithCheckpoint } from './compare-checkpoint.js';

/** A chain whose end is not what was signed: `headSeq` is null when there is no chain at all any more. */
export interface ChainBehind {
  readonly tenant: string;
  readonly headSeq: number | null;
  readonly signedSeq: number;
}

/** Asked at start, before anything is appended: whether the database is older than what was signed of it. */
@Injectable()
export class StartupCheck {
  constructor(
    private readonly heads: ChainHeads,
    private readonly file: CheckpointFile,
  ) {}

  async execute(): Promise<ChainBehind[]> {
    const behind: ChainBehind[] = [];
    const gone = new Set(this.file.tenants());
    for await (const head of this.heads.all()) {
      const tenant = publicId('ten', head.tenantId);
      gone.delete(tenant);
      const last = this.file.latest(tenant);
      if (compareWithCheckpoint(head, last) !== 'behind') continue;
      behind.push({ tenant, headSeq: head.seq, signedSeq: last?.seq ?? 0 });
    }
    for (const tenant of gone) behind.push({ tenant, headSeq: null, signedSeq: this.file.latest(tenant)?.seq ?? 0 });
    return behind;
  }
}
