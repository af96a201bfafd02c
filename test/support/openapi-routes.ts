import { readFileSync } from 'node:fs';
import type { Surface } from '../../src/platform/http/surface.js';

export type JsonSchema = Readonly<{
  $ref?: string;
  type?: string;
  properties?: Readonly<Record<string, JsonSchema>>;
  enum?: readonly unknown[];
  anyOf?: readonly JsonSchema[];
  items?: JsonSchema;
}>;

/** A route as `openapi.json` promises it. */
export interface Route {
  readonly surface: Surface;
  readonly method: string;
  readonly path: string;
  /** Whether a caller has to say who it is. */
  readonly open: boolean;
  /** What its JSON body looks like, if it takes one. */
  readonly body: JsonSchema | undefined;
}

interface Operation {
  readonly 'x-surface': readonly Surface[];
  readonly security: readonly unknown[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

const document = JSON.parse(readFileSync('openapi.json', 'utf8')) as Document;

export function resolved(schema: JsonSchema): JsonSchema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (document.components.schemas[name] ?? {});
}

/** Every route on every surface it stands on. */
export function routes(): Route[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) => {
      const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
      return operation['x-surface'].map((surface) => ({
        surface,
        method: method.toUpperCase(),
        path,
        open: operation.security.length === 0,
        body: body && resolved(body),
      }));
    }),
  );
}
