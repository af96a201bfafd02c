import { z } from 'zod';
import { idView, timeView } from '../platform/http/fields.js';
import { listOf, pageQuery } from '../platform/http/pagination.js';
import type { StoredEntry } from './audit.repository.js';

const hashView = z.string().meta({ description: 'SHA-256, hex.' });

export const entriesQuery = pageQuery.extend({
  order: z.enum(['asc', 'desc']).default('asc').meta({ description: 'Oldest or newest first.' }),
});

export const entryView = z.object({
  v: z.literal(1),
  tenant: idView('ten'),
  seq: z.number().int(),
  at: timeView,
  actor: z.string().meta({ example: 'agent:agt_0192f0c1a2b37c4d8e9f001122334455' }),
  action: z.string().meta({ example: 'credential.use' }),
  outcome: z.string().meta({ example: 'intent' }),
  details: z.record(z.string(), z.json()),
  salt: z.string(),
  prev: hashView,
  hash: hashView,
});
export const entryList = listOf(entryView);

export const verificationView = z.object({
  verdict: z.enum(['ok', 'tampered', 'gap', 'checkpoint']),
  entries: z.number().int(),
  head: z.object({ seq: z.number().int(), hash: hashView }),
  first_bad_seq: z.number().int().nullable(),
  reason: z.string().nullable(),
  checkpoints: z.object({ checked: z.number().int(), last_seq: z.number().int() }),
});

export const viewEntry = ({ entry, hash }: StoredEntry) => ({ ...entry, hash });
