import type { z } from 'zod';
import type { Answer } from './route-config.js';

/** A handler built something else than its view: a fault of ours. It says where, never what. */
export class ViewMismatchError extends Error {
  override readonly name = 'ViewMismatchError';
  constructor(readonly where: readonly string[]) {
    super(`the answer does not fit its view at ${where.join(', ')}`);
  }
}

/** What has passed its view already, such as an answer that is sent a second time. */
export class Presented {
  constructor(readonly body: unknown) {}
}

/** What a route lets out of a value: what its view names, and nothing else. Throws {@link ViewMismatchError}. */
export function present(answer: Answer, value: unknown): Presented {
  return new Presented(answer.kind === 'view' ? shown(answer.schema, value) : undefined);
}

function shown(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ViewMismatchError(result.error.issues.map(({ path, code }) => `${path.map(String).join('.')} (${code})`));
}
