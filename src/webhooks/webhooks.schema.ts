import { z } from 'zod';
import { idView, iso, isoOrNull, printable, timeView } from '../platform/http/fields.js';
import { listOf, pageQuery } from '../platform/http/pagination.js';
import { shownOnce } from '../platform/http/shown-once.js';
import { publicId } from '../platform/ids.js';
import type { DeliveryRow } from './deliveries.repository.js';
import { DELIVERY_STATES } from './delivery.js';
import { SUBSCRIBABLE } from './event.js';
import type { WebhookRow } from './webhooks.repository.js';

const DESCRIPTION_CHARS_MAX = 200;
const URL_CHARS_MAX = 2_048;
const OVERLAP_SECONDS_DEFAULT = 86_400;
const OVERLAP_SECONDS_MAX = 604_800;
const STATES = ['active', 'disabled'] as const;

const urlField = z
  .string()
  .min(1)
  .max(URL_CHARS_MAX)
  .meta({ description: 'https, a DNS name, no user information.', example: 'https://hooks.example.com/chancery' });
const eventsField = z
  .array(z.enum(SUBSCRIBABLE))
  .min(1)
  .max(SUBSCRIBABLE.length)
  .transform((events) => [...new Set(events)])
  .meta({ description: 'Which events; "*" for all there are and will be.' });
const descriptionField = printable(DESCRIPTION_CHARS_MAX);

export const webhookBody = z.strictObject({
  url: urlField,
  events: eventsField,
  description: descriptionField.optional(),
});
export const webhookChange = z.strictObject({
  url: urlField.optional(),
  events: eventsField.optional(),
  description: descriptionField.nullable().optional(),
  state: z.enum(STATES).optional(),
});
export const rotateBody = z.strictObject({
  overlap_seconds: z
    .number()
    .int()
    .min(0)
    .max(OVERLAP_SECONDS_MAX)
    .default(OVERLAP_SECONDS_DEFAULT)
    .meta({ description: 'How long the old secret signs as well.' }),
});
export const replayBody = z.strictObject({
  since: z.iso.datetime({ offset: true }).meta({ example: '2026-11-22T08:00:00Z' }),
  include_delivered: z.boolean().default(false).meta({ description: 'Also what has arrived.' }),
});
export const deliveriesQuery = pageQuery.extend({ state: z.enum(DELIVERY_STATES).optional() });

export const webhookView = z.object({
  id: idView('whk'),
  url: z.string(),
  description: z.string().nullable(),
  events: z.array(z.string()),
  state: z.enum(STATES),
  disabled_reason: z.string().nullable(),
  failing_since: timeView.nullable(),
  old_secret_until: timeView.nullable(),
  created_at: timeView,
  updated_at: timeView,
});
export const webhookList = listOf(webhookView);
export const newWebhookView = webhookView.extend({ secret: shownOnce(z.string()) });

export const deliveryView = z.object({
  id: idView('dlv'),
  webhook_id: idView('whk'),
  event_id: idView('evt'),
  type: z.string(),
  seq: z.number().int().meta({ description: 'The entry of the audit chain it tells of.' }),
  state: z.enum(DELIVERY_STATES),
  attempts: z.number().int(),
  next_attempt_at: timeView.nullable(),
  created_at: timeView,
  finished_at: timeView.nullable(),
  log: z.array(
    z.object({
      at: timeView,
      duration_ms: z.number().int(),
      status: z.number().int().nullable(),
      error: z.string().nullable(),
      response: z.string().nullable().meta({ description: 'The beginning of the answer.' }),
    }),
  ),
});
export const deliveryList = listOf(deliveryView);
export const replayView = z.object({ replayed: z.number().int(), next_since: timeView.nullable() });

export const viewWebhook = (row: WebhookRow) => ({
  id: publicId('whk', row.id),
  url: row.url,
  description: row.description,
  events: [...row.events],
  state: row.state,
  disabled_reason: row.disabledReason,
  failing_since: isoOrNull(row.failingSince),
  old_secret_until: isoOrNull(row.previousUntil),
  created_at: iso(row.createdAt),
  updated_at: iso(row.updatedAt),
});

export const viewDelivery = (row: DeliveryRow) => ({
  id: publicId('dlv', row.id),
  webhook_id: publicId('whk', row.webhookId),
  event_id: publicId('evt', row.eventId),
  type: row.eventType,
  seq: row.seq,
  state: row.state,
  attempts: row.attempts,
  next_attempt_at: isoOrNull(row.nextAttemptAt),
  created_at: iso(row.createdAt),
  finished_at: isoOrNull(row.finishedAt),
  log: [...row.log],
});
