import { Inject, Injectable } from '@nestjs/common';
import { checkpointOrigin, signCheckpoint } from '@chancery/protocol/audit-checkpoint.js';
import { formatVerifierKey } from '@chancery/protocol/note-key.js';
import { Clock } from '../platform/clock.js';
import { publicId } from '../platform/ids.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { type ActiveKey, SigningKeys } from '../tenancy/signing-keys.js';
import { ChainHeads, type HeadOfTenant } from './chain-heads.js';
import { CheckpointFile, type CheckpointRecord } from './checkpoint-file.js';
import { compareWithCheckpoint } from './compare-checkpoint.js';

const BATCH_MAX = 200;

/** A job: signs where every chain that moved since ends, into the file outside the database. */
@Injectable()
export class SignCheckpoints {
  constructor(
    private readonly heads: ChainHeads,
    private readonly keys: SigningKeys,
    private readonly file: CheckpointFile,
    private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /**
   * Returns how many were signed. A chain that is behind its own checkpoint is reported and not signed again, unless it
   * is one of `accepted`: then its new end is signed behind the old one.
   */
  async execute(signal?: AbortSignal, accepted: ReadonlySet<string> = new Set()): Promise<number> {
    const key = await this.keys.active('checkpoint');
    const batch: CheckpointRecord[] = [];
    let signed = 0;
    for await (const head of this.heads.all()) {
      signal?.throwIfAborted();
      const tenant = publicId('ten', head.tenantId);
      const found = compareWithCheckpoint(head, this.file.latest(tenant));
      const isAccepted = found === 'behind' && accepted.has(tenant);
      if (found === 'behind' && !isAccepted)
        this.log.error({ tenant, seq: head.seq }, 'a chain is behind its last checkpoint');
      if (found === 'moved' || isAccepted) batch.push(await this.#sign(key, tenant, head));
      if (batch.length < BATCH_MAX) continue;
      signed += batch.length;
      await this.file.append(batch.splice(0));
    }
    signed += batch.length;
    await this.file.append(batch);
    return signed;
  }

  async #sign(key: ActiveKey, tenant: string, { seq, hash }: HeadOfTenant): Promise<CheckpointRecord> {
    const at = new Date(this.clock.now()).toISOString();
    const name = checkpointOrigin(tenant);
    const note = await signCheckpoint(
      { tenant, seq, hash, at },
      { name, publicKey: key.publicKey, sign: (bytes) => key.sign(bytes) },
    );
    return { tenant, seq, hash, at, note, key: formatVerifierKey({ name, publicKey: key.publicKey }) };
  }
}
