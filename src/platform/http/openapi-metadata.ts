import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { Type } from '@nestjs/common';
import { z } from 'zod';
import { schemesOf } from './access.js';
import { isIdempotent } from './idempotent.js';
import { type Answer, settingsOfHandler, type RouteSettings } from './route-config.js';
import { answerOf } from './returns.js';
import { hasSecrets } from './shown-once.js';

/** What `@ApiExcludeController` writes; the decorator itself can only ever add. */
const EXCLUDED = 'swagger/apiExcludeController';
const described = new WeakSet<object>();

type Handler = ((...args: never[]) => unknown) & { name: string };

/**
 * Says to @nestjs/swagger what our own decorators know. Used on controllers its decorators would load it, and all it
 * brings, at every start of the server, which serves a finished file.
 */
export function describeHandler(controller: Type, handler: Handler): void {
  if (described.has(handler)) return;
  described.add(handler);
  const answer = answerOf(handler);
  if (!answer) throw new Error(`${controller.name}.${handler.name} does not say what it answers`);
  const decorators = [
    ApiTags(controller.name.replace(/Controller$/, '')),
    ...(answer.summary ? [ApiOperation({ summary: answer.summary })] : []),
    ...[answer.status, ...(answer.alsoStatuses ?? [])].map((status) => ApiResponse({ status, ...responseOf(answer) })),
    ...schemesOf(handler, controller).map((scheme) => ApiSecurity(scheme)),
    ...(isIdempotent(handler) ? [ApiHeader(idempotencyKey)] : []),
    ...formOf(settingsOfHandler(handler)),
  ];
  for (const decorate of decorators) decorate(controller.prototype, handler.name, { value: handler });
}

/** Takes a controller out of the next document, or puts it back. */
export function hideController(controller: Type, hidden: boolean): void {
  if (hidden) Reflect.defineMetadata(EXCLUDED, [true], controller);
  else Reflect.deleteMetadata(EXCLUDED, controller);
}

function responseOf(answer: Answer) {
  if (answer.kind === 'nothing') return { description: 'Done.' };
  if (answer.kind === 'raw') return { description: 'OK.', content: { [answer.mediaType]: {} } };
  return { description: 'OK.', standardSchema: documented(answer.schema) };
}

function formOf({ readsForm, formSchema }: RouteSettings): MethodDecorator[] {
  if (!readsForm) return [];
  const body = formSchema ? [ApiBody({ standardSchema: formSchema } as never)] : [];
  return [ApiConsumes('application/x-www-form-urlencoded'), ...body];
}

/** A repetition lacks the fields shown once and says so. */
function documented(schema: z.ZodType): z.ZodType {
  if (!(schema instanceof z.ZodObject) || !hasSecrets(schema)) return schema;
  const repeated = z.literal(true).optional().meta({
    description: 'In the answer to a repeated Idempotency-Key: the fields shown once were in the first answer.',
  });
  return schema.extend({ secret_shown_once: repeated });
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  required: false,
  description: 'Makes the request safe to repeat for 24 hours: the same key and body get the same answer.',
  schema: { type: 'string' as const, minLength: 1, maxLength: 128, pattern: '^[\\x21-\\x7e]+$' },
};
