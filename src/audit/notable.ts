import type { FinishedEntry } from './chain.js';

/** What a tenant may want to be told of at once, by the action its entry names. Data: whoever adds an action adds it here. */
export const EVENT_TYPES = [
  'brake.activated',
  'brake.cleared',
  'anomaly.detected',
  'approval.requested',
  'approval.decided',
  'agent.tier_changed',
  'credential.redacted',
  'audit.verification_failed',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const EVENT_OF_ACTION = new Map<string, EventType>(
  Object.entries({
    'brake.activate': 'brake.activated',
    'brake.clear': 'brake.cleared',
    'agent.anomaly': 'anomaly.detected',
    'approval.requested': 'approval.requested',
    'approval.approved': 'approval.decided',
    'approval.refused': 'approval.decided',
    'approval.expired': 'approval.decided',
    'agent.promote': 'agent.tier_changed',
    'agent.demote': 'agent.tier_changed',
    'agent.demoted': 'agent.tier_changed',
    'credential.redacted': 'credential.redacted',
    'audit.verification_failed': 'audit.verification_failed',
  } satisfies Record<string, EventType>),
);

/** The queue of the outbox that entries of these actions are told in. */
export const EVENTS_QUEUE = 'events';

export const eventTypeOf = (action: string): EventType | undefined => EVENT_OF_ACTION.get(action);

/** The UUID of an event: the first half of its entry's hash, so that whoever was told can look it up in the log. */
export const eventIdOf = (hash: string): string =>
  hash.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The jobs that commit with these entries; none for all that a busy tenant appends. */
export function eventJobs(entries: readonly FinishedEntry[]) {
  return entries
    .filter(({ entry }) => eventTypeOf(entry.action) !== undefined)
    .map(({ seq, hash }) => ({ id: eventIdOf(hash), queue: EVENTS_QUEUE, payload: { seq } }));
}
