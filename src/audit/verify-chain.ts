import { hash as digest } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { readCheckpointNote, verifyCheckpointNote } from '@chancery/protocol/audit-checkpoint.js';
import { type ChainVerification, ChainVerifier } from '@chancery/protocol/audit-verify.js';
import { parseVerifierKey } from '@chancery/protocol/note-key.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { publicId } from '../platform/ids.js';
import { SigningKeys } from '../tenancy/signing-keys.js';
import { CheckpointFile, type CheckpointRecord } from './checkpoint-file.js';
import { chainUpTo, headOf } from './read-chain.js';

/** Checks a live chain: every hash, every link, the head, and every checkpoint of the tenant in the file outside. */
@Injectable()
export class VerifyChain {
  constructor(
    private readonly database: TenantDatabase,
    private readonly file: CheckpointFile,
    private readonly keys: SigningKeys,
  ) {}

  async execute(tenantId: string): Promise<ChainVerification> {
    const tenant = publicId('ten', tenantId);
    const verifier = new ChainVerifier({ tenant, digest: (text) => digest('sha256', text, 'hex') });
    // Checkpoints first: one signed while we read names a position the head read below has reached.
    for await (const record of this.file.of(tenant)) await this.#checkpoint(verifier, record);
    const head = await headOf(this.database, tenantId);
    for await (const { entry, hash } of chainUpTo(this.database, tenantId, head)) verifier.push(entry, hash);
    return verifier.finish({ expectedHead: { seq: head.seq, hash: head.hash } });
  }

  async #checkpoint(verifier: ChainVerifier, { note, key: text }: CheckpointRecord): Promise<void> {
    const key = parseVerifierKey(text);
    const ours = key !== undefined && (await this.#isOurs(key.publicKey));
    const verified = ours ? verifyCheckpointNote(note, key) : null;
    if (verified?.ok === true) verifier.checkpoint(verified.checkpoint, true);
    else verifier.checkpoint(readCheckpointNote(note), false);
  }

  async #isOurs(publicKey: Uint8Array): Promise<boolean> {
    const published = await this.keys.published('checkpoint');
    return published.some((known) => Buffer.compare(known.publicKey, publicKey) === 0);
  }
}
