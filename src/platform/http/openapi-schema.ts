import { createHash } from 'node:crypto';
import { z } from 'zod';

type JsonSchema = Record<string, unknown>;

/** A zod schema as the JSON Schema of OpenAPI 3.1; parts with `.meta({ id })` become components of that name. */
export function toOpenApiSchema(schema: unknown, { schemaType }: { schemaType: 'input' | 'output' }) {
  if (!(schema instanceof z.ZodType)) return undefined;
  const converted = z.toJSONSchema(schema, {
    io: schemaType,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => rewrite(jsonSchema, schemaType),
  }) as JsonSchema;
  const { $schema, $defs, ...own } = withOwnNames(converted);
  void $schema;
  return { schema: own, components: ($defs ?? {}) as Record<string, JsonSchema> };
}

/** zod numbers the parts of a recursive schema from 0 in each conversion; side by side the numbers would collide. */
function withOwnNames(schema: JsonSchema): JsonSchema {
  const text = JSON.stringify(schema);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return JSON.parse(text.replaceAll(/"((?:#\/\$defs\/)?)__schema([0-9]+)"/g, `"$1Part_${hash}_$2"`)) as JsonSchema;
}

function rewrite(schema: JsonSchema, schemaType: 'input' | 'output'): void {
  // A query parameter is a string to zod, and may be an integer to everybody else: `.meta({ wire: { type: 'integer' } })`.
  const { wire } = schema;
  if (wire) {
    for (const key of Object.keys(schema)) if (key !== 'description') delete schema[key];
    Object.assign(schema, wire);
  }
  delete schema['id'];
  // zod writes the bounds of exact integers at every one of them.
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
  // Requests are closed; answers may grow, and a client must not break when they do.
  if (schemaType === 'output' && schema['additionalProperties'] === false) delete schema['additionalProperties'];
}
