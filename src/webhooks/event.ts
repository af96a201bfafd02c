import type { StoredEntry } from '../audit/entry-at.js';
import { EVENT_TYPES, eventIdOf, eventTypeOf } from '../audit/notable.js';
import { publicId } from '../platform/ids.js';

/** What `test` sends; nobody subscribes to it. */
export const TEST_EVENT = 'webhook.test';
export const ALL_EVENTS = '*';
export const SUBSCRIBABLE = [ALL_EVENTS, ...EVENT_TYPES] as const;

export const subscribes = (events: readonly string[], type: string): boolean =>
  events.includes(ALL_EVENTS) || events.includes(type);

/** What of an entry's details is told; what nobody named stays at home. */
const DETAILS_TOLD = [
  'agent',
  'approval',
  'automatic',
  'bound',
  'brake',
  'count',
  'credential',
  'entries',
  'expires_at',
  'first_bad_seq',
  'from',
  'grants_suspended',
  'id',
  'intent',
  'kind',
  'name',
  'observed',
  'places',
  'purpose',
  'reason',
  'reasons',
  'scope',
  'score',
  'session',
  'sessions_ended',
  'to',
  'verdict',
  'version',
  'was',
  'webhook',
] as const;

/** `webhook-id`: the same for every attempt, every replay and every endpoint; the beginning of the entry's hash. */
export const eventIdText = ({ hash }: Pick<StoredEntry, 'hash'>): string => publicId('evt', eventIdOf(hash));

/** The body of a delivery, made from the entry each time it is sent, and each time the same. */
export function eventBody({ entry, hash }: StoredEntry): string {
  const details = Object.fromEntries(
    DETAILS_TOLD.filter((name) => name in entry.details).map((name) => [name, entry.details[name]]),
  );
  return JSON.stringify({
    type: eventTypeOf(entry.action) ?? TEST_EVENT,
    timestamp: entry.at,
    data: {
      tenant: entry.tenant,
      actor: entry.actor,
      action: entry.action,
      outcome: entry.outcome,
      details,
      audit: { seq: entry.seq, hash },
    },
  });
}
