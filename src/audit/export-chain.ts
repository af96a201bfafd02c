import { Injectable } from '@nestjs/common';
import {
  exportCheckpointLine,
  exportEndLine,
  exportEntryLine,
  exportHeaderLine,
} from '@chancery/protocol/audit-export.js';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { publicId } from '../platform/ids.js';
import { CheckpointFile } from './checkpoint-file.js';
import { chainUpTo, headOf } from './read-chain.js';

/** Writes a chain out as lines that verify offline: header, entries, checkpoints, end. */
@Injectable()
export class ExportChain {
  constructor(
    private readonly database: TenantDatabase,
    private readonly file: CheckpointFile,
    private readonly clock: Clock,
  ) {}

  async *execute(tenantId: string): AsyncGenerator<string> {
    const tenant = publicId('ten', tenantId);
    yield exportHeaderLine(tenant, new Date(this.clock.now()).toISOString());
    const checkpoints = [];
    for await (const record of this.file.of(tenant)) checkpoints.push(record);
    const head = await headOf(this.database, tenantId);
    for await (const { entry, hash } of chainUpTo(this.database, tenantId, head)) yield exportEntryLine(entry, hash);
    for (const { note, key } of checkpoints) yield exportCheckpointLine(note, key);
    yield exportEndLine({ seq: head.seq, hash: head.hash });
  }
}
