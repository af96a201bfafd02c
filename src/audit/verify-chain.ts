import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { checkpointOrigin, readCheckpointNote, verifyCheckpointNote } from '@chancery/protocol/audit-checkpoint.js';
import { type ChainVerification, ChainVerifier } from '@chancery/protocol/audit-verify.js';
import { parseVerifierKey } from '@chancery/protocol/note-key.js';
import { overCapacity } from '../platform/database/database.errors.js';
import { publicId } from '../platform/ids.js';
import { SigningKeys } from '../tenancy/signing-keys.js';
import { CheckpointFile, type CheckpointRecord } from './checkpoint-file.js';
import { digestOfText } from './chain.js';
import { ReadChain } from './read-chain.js';

/** Hashing a long chain is work for a core; more at once would only be slower. */
const AT_ONCE_MAX = 2;

/** Verifies a live chain: every link, every checkpoint that was signed of it, and its head. */
@Injectable()
export class VerifyChain {
  #running = 0;

  constructor(
    private readonly chain: ReadChain,
    private readonly file: CheckpointFile,
    private readonly keys: SigningKeys,
  ) {}

  async execute(tenantId: string): Promise<ChainVerification> {
    if (this.#running >= AT_ONCE_MAX) throw overCapacity('Other chains are being verified.');
    this.#running += 1;
    try {
      return await this.#verify(tenantId);
    } finally {
      this.#running -= 1;
    }
  }

  async #verify(tenantId: string): Promise<ChainVerification> {
    const tenant = publicId('ten', tenantId);
    const verifier = new ChainVerifier({ tenant, digest: digestOfText });
    // The checkpoints first: one that is signed while we read would name entries we have not asked for.
    const records = await this.file.of(tenant);
    const trusted = new Set((await this.keys.ever('checkpoint')).map(({ publicKey }) => publicKey.toString('hex')));
    const { head, stray, pages } = await this.chain.begin(tenantId);
    for await (const record of records) {
      verifier.checkpoint(readCheckpointNote(record.note), isSigned(record, tenant, trusted));
      await nextTurn();
    }
    for await (const page of pages()) for (const { entry, hash } of page) verifier.push(entry, hash);
    if (stray !== undefined) verifier.push(stray.entry, stray.hash);
    return verifier.finish({ expectedHead: head });
  }
}

/** By a key of this deployment; a key that only the file vouches for is worth nothing. */
function isSigned(record: CheckpointRecord, tenant: string, trusted: ReadonlySet<string>): boolean {
  const key = parseVerifierKey(record.key);
  if (key === undefined || key.name !== checkpointOrigin(tenant)) return false;
  return trusted.has(Buffer.from(key.publicKey).toString('hex')) && verifyCheckpointNote(record.note, key).ok;
}
