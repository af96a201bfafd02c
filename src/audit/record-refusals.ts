import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { BootId } from '../platform/boot-id.js';
import { Clock } from '../platform/clock.js';
import { OutcomeUnknownError } from '../platform/database/database.errors.js';
import { type Refused, Refusals } from '../platform/http/refusals.js';
import { PLATFORM_TENANT_ID, publicId } from '../platform/ids.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { type Act, Acts, type EntryDraft, type EntryRef } from '../tenancy/acts.js';
import { ID_PREFIX } from '../tenancy/principal.js';
import { hashAt } from './audit.repository.js';

const MINUTE_MS = 60_000;
/** The head is locked for no longer than so many entries take. */
const IN_ONE_ACT_MAX = 100;
const ACTOR = 'system:guard';
const SUPPRESSED = {
  agent: 'agent.denials_suppressed',
  member: 'member.denials_suppressed',
  service_key: 'service_key.denials_suppressed',
} as const satisfies Record<keyof typeof ID_PREFIX, string>;

/** Entries whose commit was not answered: they landed if the last of them stands where it was put. */
interface Doubt {
  readonly refused: readonly Refused[];
  readonly last: EntryRef;
}

/**
 * Writes down, each minute, how many requests were refused before they came to a decision: of a principal past its rate
 * one entry in its tenant's chain, of those that signed nobody in one a cause in the platform's. Each process for itself.
 */
@Injectable()
export class RecordRefusals implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #sinceMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isClosing = false;
  #writing: Promise<void> = Promise.resolve();
  readonly #doubts = new Map<string, Doubt>();

  constructor(
    private readonly refusals: Refusals,
    private readonly acts: Acts,
    private readonly clock: Clock,
    private readonly boot: BootId,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.#sinceMs = minuteOf(clock.now());
  }

  onApplicationBootstrap(): void {
    this.#waitForMinute();
  }

  /** What is counted so far, behind the last request and before the connections are closed. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write(this.clock.now());
  }

  /** Writes down what was counted, if the minute is over; what cannot be is tried again when the next one is. */
  async execute(): Promise<void> {
    const minuteMs = minuteOf(this.clock.now());
    if (minuteMs === this.#sinceMs) return;
    this.#writing = this.#write(minuteMs);
    await this.#writing;
  }

  #waitForMinute(): void {
    if (this.#isClosing) return;
    const leftMs = MINUTE_MS - (this.clock.now() % MINUTE_MS);
    this.#timer = setTimeout(() => void this.execute().finally(() => this.#waitForMinute()), leftMs).unref();
  }

  async #write(untilMs: number): Promise<void> {
    const sinceMs = this.#sinceMs;
    this.#sinceMs = untilMs;
    let isLost = false;
    for (const [tenantId, refused] of byChain(this.refusals.take(), this.#doubts.keys())) {
      for (let at = 0; at === 0 || at < refused.length; at += IN_ONE_ACT_MAX) {
        const some = refused.slice(at, at + IN_ONE_ACT_MAX);
        // Whoever closes does not wait for a database that is gone, once for each tenant.
        if (isLost && this.#isClosing) this.#keep(tenantId, some, sinceMs);
        else isLost = !(await this.#record(tenantId, some, sinceMs, untilMs)) || isLost;
      }
    }
  }

  /** False when it could not be written; it is then counted on. */
  async #record(tenantId: string, fresh: readonly Refused[], sinceMs: number, untilMs: number): Promise<boolean> {
    const doubt = this.#doubts.get(tenantId);
    let refused = fresh;
    let last: EntryRef | null = null;
    try {
      await this.acts.run(tenantId, async (act) => {
        const again = doubt === undefined || (await hasLanded(act, doubt)) ? [] : doubt.refused;
        refused = [...again, ...fresh];
        for (const one of refused)
          last = await act.chain.append(draftOf(one, { fromMs: sinceMs, untilMs, boot: this.boot.value }));
      });
      this.#doubts.delete(tenantId);
      return true;
    } catch (error) {
      const what = { fault: (error as Error).name, chain: publicId('ten', tenantId), count: countOf(fresh) };
      this.log.warn(what, 'refused requests are not written down yet');
      if (error instanceof OutcomeUnknownError && last !== null) {
        const since = refused.map((one) => ({ ...one, sinceMs: one.sinceMs ?? sinceMs }));
        this.#doubts.set(tenantId, { refused: since, last });
      } else this.#keep(tenantId, fresh, sinceMs);
      return false;
    }
  }

  #keep(tenantId: string, refused: readonly Refused[], sinceMs: number): void {
    this.refusals.putBack(refused, sinceMs);
    if (!this.#isClosing) return;
    const what = { chain: publicId('ten', tenantId), count: countOf(refused) };
    this.log.error(what, 'requests were refused and could not be written down');
  }
}

const countOf = (refused: readonly Refused[]): number => refused.reduce((sum, { count }) => sum + count, 0);

const minuteOf = (ms: number): number => ms - (ms % MINUTE_MS);

const hasLanded = async ({ tx }: Act, { last }: Doubt): Promise<boolean> => (await hashAt(tx, last.seq)) === last.hash;

/** Also chains of which nothing is new, but something in doubt. */
function byChain(refused: readonly Refused[], doubtful: Iterable<string>): Map<string, Refused[]> {
  const chains = new Map<string, Refused[]>([...doubtful].map((tenantId) => [tenantId, []]));
  for (const one of refused) {
    const tenantId = one.caller === null || one.caller === 'others' ? PLATFORM_TENANT_ID : one.caller.tenantId;
    const own = chains.get(tenantId);
    if (own === undefined) chains.set(tenantId, [one]);
    else own.push(one);
  }
  return chains;
}

interface Minute {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Counts are each process's own. */
  readonly boot: string;
}

function draftOf({ caller, code, count, sinceMs }: Refused, { fromMs, untilMs, boot }: Minute): EntryDraft {
  const from = new Date(sinceMs ?? fromMs).toISOString();
  const common = { code, count, from, to: new Date(untilMs).toISOString(), boot };
  const entry = { actor: ACTOR, outcome: 'denied' } as const;
  if (caller === null) return { ...entry, action: 'authentication.failed', details: common };
  if (caller === 'others') return { ...entry, action: 'principals.denials_suppressed', details: common };
  const [kind, id] = caller.principalId.split(':') as [keyof typeof ID_PREFIX, string];
  return {
    ...entry,
    action: SUPPRESSED[kind],
    details: { [kind]: publicId(ID_PREFIX[kind], id), ...common },
  };
}
