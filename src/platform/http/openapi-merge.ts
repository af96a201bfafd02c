import { isDeepStrictEqual } from 'node:util';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Surface } from './surface.js';

type Json = Record<string, unknown>;
type Operation = Json & { 'x-surface': Surface[]; parameters?: Json[] };

/** One document of many: what two surfaces share stands once, what differs stands as alternatives. */
export function mergeDocuments(parts: readonly { surface: Surface; document: OpenAPIObject }[]): OpenAPIObject {
  const paths: Record<string, Json> = {};
  const schemas: Json = {};
  for (const { surface, document } of parts) {
    Object.assign(schemas, document.components?.schemas);
    for (const [path, item] of Object.entries(document.paths)) {
      const known = (paths[path] ??= {});
      for (const [method, operation] of Object.entries(item as Json)) {
        const named = { ...(operation as Json), 'x-surface': [surface] } as Operation;
        known[method] = known[method] ? mergeOperations(known[method] as Operation, named) : named;
      }
    }
  }
  const [first] = parts;
  if (!first) throw new Error('there is no document to merge');
  return { ...first.document, paths, components: { ...first.document.components, schemas } } as OpenAPIObject;
}

function mergeOperations(a: Operation, b: Operation): Operation {
  const { 'x-surface': first, ...left } = a;
  const { 'x-surface': second, ...right } = b;
  const merged = isDeepStrictEqual(left, right) ? left : (alternatives(left, right) as Json);
  return { ...merged, 'x-surface': [...first, ...second] };
}

/** The first wins for texts and ids; schemas become `anyOf`; parameters and responses are put together. */
function alternatives(a: unknown, b: unknown, key = ''): unknown {
  if (isDeepStrictEqual(a, b) || b === undefined) return a;
  if (a === undefined) return b;
  if (key === 'schema') return { anyOf: [...branches(a), ...branches(b)].filter(unique) };
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b].filter(unique);
  if (!isObject(a) || !isObject(b)) return a;
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(keys.map((name) => [name, alternatives(a[name], b[name], name)]));
}

const branches = (schema: unknown): unknown[] =>
  isObject(schema) && Array.isArray(schema['anyOf']) ? schema['anyOf'] : [schema];
const unique = (item: unknown, at: number, all: unknown[]) =>
  all.findIndex((other) => isDeepStrictEqual(other, item)) === at;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
