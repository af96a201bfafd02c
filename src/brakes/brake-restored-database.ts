import { Inject, Injectable } from '@nestjs/common';
import { Committers } from '../audit/committers.js';
import { type ChainBehind, StartupCheck, type StartupFinding } from '../audit/startup-check.js';
import { REASON_CHARS_MAX } from '../platform/http/fields.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { ActivateBrake } from './activate-brake.js';
import { PlatformWatch } from './platform-watch.js';

const NAMED_MAX = 5;

/**
 * A database that is older than its checkpoints, or another one than last time, has forgotten brakes and spent proofs.
 * It comes up globally braked, and only a person lets go (design 7). The brake is durable before the finding is accepted,
 * so a crash in between finds it again.
 */
@Injectable()
export class BrakeRestoredDatabase {
  constructor(
    private readonly check: StartupCheck,
    private readonly activate: ActivateBrake,
    private readonly committers: Committers,
    private readonly watch: PlatformWatch,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Before a start listens; from then on also whenever the database was started again under this node. */
  async execute(): Promise<void> {
    await this.#look('system:startup');
    this.watch.examineWith(() => this.#look('system:database-restart'));
    this.committers.whenPutBack(() => this.watch.lookInto());
  }

  async #look(actor: string): Promise<void> {
    const finding = await this.check.execute(this.committers.ends());
    const reason = reasonOf(finding);
    if (reason !== null) {
      const { behind, before, database } = finding;
      this.log.error({ behind: behind.slice(0, NAMED_MAX), before, database }, `the global brake goes on: ${reason}`);
      this.committers.forgetAll();
      await this.activate.globally(actor, reason);
    }
    await this.check.accept(finding);
  }
}

/** Null when nothing is wrong. */
export function reasonOf({ behind, before, database }: StartupFinding): string | null {
  if (behind.length === 0 && before === null) return null;
  const other =
    before === null
      ? []
      : [`the database is ${database.system}/${database.timeline}, and was ${before.system}/${before.timeline}`];
  const more = behind.length - NAMED_MAX;
  const parts = [...other, ...behind.slice(0, NAMED_MAX).map(told), ...(more > 0 ? [`${more} more chains`] : [])];
  return `Was an older backup restored? ${parts.join('; ')}.`.slice(0, REASON_CHARS_MAX);
}

function told({ tenant, headSeq, signedSeq, seenSeq }: ChainBehind): string {
  if (headSeq === null) return `${tenant} is gone, signed ${signedSeq}`;
  return `${tenant} ends at ${headSeq}, ${seenSeq === undefined ? `signed ${signedSeq}` : `seen at ${seenSeq}`}`;
}
