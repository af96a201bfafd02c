import { z } from 'zod';

const secrets = z.registry<{ once: true }>();

/** A field that the first answer holds and no repetition ever does: a key, a password. */
export function shownOnce<T extends z.ZodType>(schema: T): z.ZodOptional<T> {
  const field = schema.optional();
  secrets.add(field, { once: true });
  return field;
}

/** A view without the fields shown once, for keeping, and whether it had any. */
export function withoutSecrets(schema: z.ZodType, view: unknown): { view: unknown; hidden: boolean } {
  const object = unwrapped(schema);
  if (!(object instanceof z.ZodObject) || typeof view !== 'object' || view === null) return { view, hidden: false };
  let hidden = false;
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(view)) {
    const field = (object.shape as Record<string, z.ZodType>)[name];
    if (field && isSecret(field)) {
      hidden = true;
      continue;
    }
    const inner = field ? withoutSecrets(field, value) : { view: value, hidden: false };
    hidden ||= inner.hidden;
    kept[name] = inner.view;
  }
  return { view: kept, hidden };
}

/** Looks through what later `.meta()`, `.nullable()` and the like put around a field: a key must not be kept for that. */
function isSecret(schema: z.ZodType): boolean {
  return secrets.get(schema)?.once === true || (isWrapper(schema) && isSecret(schema.unwrap() as z.ZodType));
}

function unwrapped(schema: z.ZodType): z.ZodType {
  return isWrapper(schema) ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}

const isWrapper = (schema: z.ZodType): schema is z.ZodOptional | z.ZodNullable | z.ZodReadonly | z.ZodDefault =>
  schema instanceof z.ZodOptional ||
  schema instanceof z.ZodNullable ||
  schema instanceof z.ZodReadonly ||
  schema instanceof z.ZodDefault;

/** Whether a view has fields shown once, at any depth. */
export function hasSecrets(schema: z.ZodType): boolean {
  const object = unwrapped(schema);
  if (!(object instanceof z.ZodObject)) return false;
  return Object.values(object.shape).some((field) => isSecret(field) || hasSecrets(field));
}
