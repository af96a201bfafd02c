import { Injectable } from '@nestjs/common';
import { checkpointOrigin, signCheckpoint } from '@chancery/protocol/audit-checkpoint.js';
import { formatVerifierKey } from '@chancery/protocol/note-key.js';
import { Clock } from '../platform/clock.js';
import { publicId } from '../platform/ids.js';
import { type ActiveKey, SigningKeys } from '../tenancy/signing-keys.js';
import { ChainHeads, type HeadOfTenant } from './chain-heads.js';
import { CheckpointFile, type CheckpointRecord } from './checkpoint-file.js';

const BATCH = 200;

/**
 * Signs where every chain that moved now ends, into the file outside the database. A chain that ends before its last
 * checkpoint was cut; it gets no new one, so that the cut stays visible.
 */
@Injectable()
export class SignCheckpoints {
  constructor(
    private readonly heads: ChainHeads,
    private readonly file: CheckpointFile,
    private readonly keys: SigningKeys,
    private readonly clock: Clock,
  ) {}

  /** Returns how many were signed. */
  async execute(): Promise<number> {
    const key = await this.keys.active('checkpoint');
    let batch: CheckpointRecord[] = [];
    let signed = 0;
    for await (const head of this.heads.all()) {
      const last = await this.file.last(publicId('ten', head.tenantId));
      if (head.seq === 0 || (last !== undefined && head.seq <= last.seq)) continue;
      batch.push(await this.#sign(head, key));
      signed += 1;
      if (batch.length < BATCH) continue;
      await this.file.append(batch);
      batch = [];
    }
    await this.file.append(batch);
    return signed;
  }

  async #sign(head: HeadOfTenant, key: ActiveKey): Promise<CheckpointRecord> {
    const tenant = publicId('ten', head.tenantId);
    const noteKey = { name: checkpointOrigin(tenant), publicKey: new Uint8Array(key.publicKey) };
    const at = new Date(this.clock.now()).toISOString();
    const checkpoint = { tenant, seq: head.seq, hash: head.hash.toString('hex'), at };
    const note = await signCheckpoint(checkpoint, { ...noteKey, sign: (bytes) => key.sign(bytes) });
    return { note, key: formatVerifierKey(noteKey) };
  }
}
