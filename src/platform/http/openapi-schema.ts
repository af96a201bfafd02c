import { z } from 'zod';

type JsonSchema = Record<string, unknown>;

/** A zod schema as the JSON Schema of OpenAPI 3.1; schemas with `.meta({ id })` become components of that name. */
export function toOpenApiSchema(schema: unknown, { schemaType }: { schemaType: 'input' | 'output' }) {
  if (!(schema instanceof z.ZodType)) return undefined;
  const { $schema, $defs, ...own } = z.toJSONSchema(schema, {
    io: schemaType,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => rewrite(jsonSchema, schemaType),
  }) as JsonSchema;
  void $schema;
  return { schema: own, components: ($defs ?? {}) as Record<string, JsonSchema> };
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
