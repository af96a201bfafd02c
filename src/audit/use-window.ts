import type { AuditEntry } from '@chancery/protocol/audit-entry.js';

/** How far back calls are counted, by the time in their entries. */
export const RATE_WINDOW_MS = 60_000;
const SECOND_MS = 1_000;
const PRUNE_EVERY_MS = 10_000;

/** A use as its entry tells it: an intent begins one, an outcome ends it. */
export type UseEvent =
  | {
      readonly kind: 'began';
      readonly seq: number;
      readonly atMs: number;
      readonly actor: string;
      readonly credential: string;
      /** Past it the use counts as ended, whatever became of the node it ran on. */
      readonly deadlineMs: number;
    }
  | { readonly kind: 'ended'; readonly intent: number };

/** What limits are decided by. `actor` and `credential` are as entries write them. */
export interface UseCounts {
  /** Uses that began and have not ended: of one actor, or of the whole tenant. */
  underWay(actor?: string): number;
  /** Uses of a credential by an actor within {@link RATE_WINDOW_MS}. */
  recent(actor: string, credential: string): number;
  /** Milliseconds until the oldest of these no longer counts; 0 when there is none. */
  untilFewerMs(actor: string, credential: string): number;
}

/** The use that an entry begins or ends, if it does either. */
export function useEventOf({ seq, at, actor, action, outcome, details }: AuditEntry): UseEvent | null {
  const { intent, credential, deadline } = details as Record<string, unknown>;
  if (typeof intent === 'number') return action.endsWith('.outcome') ? { kind: 'ended', intent } : null;
  if (outcome !== 'intent' || typeof credential !== 'string' || typeof deadline !== 'string') return null;
  return { kind: 'began', seq, atMs: Date.parse(at), actor, credential, deadlineMs: Date.parse(deadline) };
}

type Begun = Extract<UseEvent, { kind: 'began' }>;

/**
 * The uses of a tenant that are under way or younger than a minute, as the chain up to the head says. A decision that counts
 * them is exact on every node: its intent only lands if the head is still where they were counted (P20).
 */
export class UseWindow {
  readonly #open = new Map<number, Begun>();
  readonly #openOf = new Map<string, number>();
  /** By actor and credential: how many in which second, oldest first. */
  readonly #seconds = new Map<string, { second: number; count: number }[]>();
  #prunedMs = 0;
  #upToSeq = 0;

  /** In the order of the chain. */
  apply(event: UseEvent, nowMs: number): void {
    if (event.kind === 'ended') return this.#close(event.intent);
    // What a load that failed half-way has told already is told again by the next.
    if (event.seq <= this.#upToSeq) return;
    this.#upToSeq = event.seq;
    if (event.deadlineMs > nowMs) {
      this.#open.set(event.seq, event);
      this.#openOf.set(event.actor, (this.#openOf.get(event.actor) ?? 0) + 1);
    }
    // A clock that ran ahead must not make a use count for longer than a minute.
    this.#count(keyOf(event), Math.floor(Math.min(event.atMs, nowMs) / SECOND_MS));
  }

  /** Forgets what no longer counts; seldom, since it looks at all of it. */
  prune(nowMs: number): void {
    if (nowMs - this.#prunedMs < PRUNE_EVERY_MS && nowMs >= this.#prunedMs) return;
    this.#prunedMs = nowMs;
    for (const { seq, deadlineMs } of this.#open.values()) if (deadlineMs <= nowMs) this.#close(seq);
    for (const [key, seconds] of this.#seconds) if (drop(seconds, nowMs).length === 0) this.#seconds.delete(key);
  }

  /** The counts at a moment, with what the decisions of one batch add to them before any of it is durable. */
  during(nowMs: number): BatchCounts {
    this.prune(nowMs);
    const open = { of: (actor: string) => this.#openOf.get(actor) ?? 0, all: () => this.#open.size };
    const recent = (key: string) => drop(this.#seconds.get(key) ?? [], nowMs);
    return new BatchCounts(open, recent, (seq) => this.#open.get(seq)?.actor, nowMs);
  }

  #count(key: string, second: number): void {
    const seconds = this.#seconds.get(key) ?? [];
    const last = seconds.at(-1);
    if (last !== undefined && last.second >= second) last.count += 1;
    else seconds.push({ second, count: 1 });
    this.#seconds.set(key, seconds);
  }

  #close(seq: number): void {
    const begun = this.#open.get(seq);
    if (begun === undefined) return;
    this.#open.delete(seq);
    const left = (this.#openOf.get(begun.actor) ?? 1) - 1;
    if (left === 0) this.#openOf.delete(begun.actor);
    else this.#openOf.set(begun.actor, left);
  }
}

/** The counts while a batch is decided: each decision sees those before it. Thrown away when the batch is lost. */
export class BatchCounts implements UseCounts {
  readonly #openOf = new Map<string, number>();
  readonly #begun = new Map<string, number>();
  readonly #ended = new Set<number>();
  #open = 0;

  constructor(
    private readonly open: { of(actor: string): number; all(): number },
    private readonly seconds: (key: string) => readonly { second: number; count: number }[],
    private readonly actorOf: (seq: number) => string | undefined,
    private readonly nowMs: number,
  ) {}

  apply(event: UseEvent): void {
    if (event.kind === 'began') {
      this.#move(event.actor, 1);
      this.#begun.set(keyOf(event), (this.#begun.get(keyOf(event)) ?? 0) + 1);
      return;
    }
    const actor = this.actorOf(event.intent);
    if (actor === undefined || this.#ended.has(event.intent)) return;
    this.#ended.add(event.intent);
    this.#move(actor, -1);
  }

  underWay(actor?: string): number {
    return actor === undefined ? this.open.all() + this.#open : this.open.of(actor) + (this.#openOf.get(actor) ?? 0);
  }

  recent(actor: string, credential: string): number {
    const key = keyOf({ actor, credential });
    return this.seconds(key).reduce((sum, { count }) => sum + count, this.#begun.get(key) ?? 0);
  }

  untilFewerMs(actor: string, credential: string): number {
    const oldest = this.seconds(keyOf({ actor, credential }))[0];
    return oldest === undefined ? 0 : Math.max(0, (oldest.second + 1) * SECOND_MS + RATE_WINDOW_MS - this.nowMs);
  }

  #move(actor: string, by: 1 | -1): void {
    this.#openOf.set(actor, (this.#openOf.get(actor) ?? 0) + by);
    this.#open += by;
  }
}

const keyOf = ({ actor, credential }: { actor: string; credential: string }): string => `${actor} ${credential}`;

/** Seconds that have fallen out of the window are taken off the front. */
function drop(seconds: { second: number; count: number }[], nowMs: number): { second: number; count: number }[] {
  while (seconds[0] !== undefined && (seconds[0].second + 1) * SECOND_MS + RATE_WINDOW_MS <= nowMs) seconds.shift();
  return seconds;
}
