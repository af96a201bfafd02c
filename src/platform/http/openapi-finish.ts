import type { OpenAPIObject } from '@nestjs/swagger';
import { PROBLEM_MEDIA_TYPE } from './problem.js';

type Json = Record<string, unknown>;

/** https://www.rfc-editor.org/rfc/rfc9457 */
const problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'request_id'],
  properties: {
    type: { type: 'string', description: 'Path of the page that explains the code.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    request_id: { type: 'string', pattern: '^req_[0-9a-f]{32}$' },
    issues: {
      type: 'array',
      description: 'With `invalid_request`: what is wrong where.',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

const anyProblem = {
  description: 'A problem document; `code` says which.',
  content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** Methods that a route for any method has as well, and OpenAPI 3.1 no word for. */
const NO_OPERATIONS = ['search', 'query'];

type Parameter = { readonly in: string; readonly name: string };

/** Every name in a path is a parameter, also one that only the handler reads. */
function withPathParameters(path: string, known: readonly Parameter[] = []): readonly Parameter[] | undefined {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const missing = names.filter((name) => !known.some((one) => one.in === 'path' && one.name === name));
  const all = [...known, ...missing.map((name) => ({ in: 'path', name, required: true, schema: { type: 'string' } }))];
  return all.length === 0 ? undefined : all;
}

/** Adds what every operation has, and puts keys in order, so that the file differs only when the API does. */
export function finishDocument(document: OpenAPIObject): OpenAPIObject {
  const ids = new Set<string>();
  for (const [path, item] of Object.entries(document.paths as Record<string, Record<string, Json>>)) {
    for (const method of NO_OPERATIONS) delete item[method];
    for (const operation of Object.values(item)) {
      const id = String(operation['operationId']);
      if (ids.has(id)) throw new Error(`two operations are named ${id}`);
      ids.add(id);
      operation['responses'] = { ...(operation['responses'] as Json), default: anyProblem };
      operation['security'] ??= [];
      operation['parameters'] = withPathParameters(path, operation['parameters'] as Parameter[] | undefined);
    }
  }
  const components = { ...document.components, schemas: { ...document.components?.schemas, Problem: problem } };
  const { openapi, info, paths } = document;
  const { title, description, version } = info;
  return {
    openapi,
    info: { title, description, version },
    ...(sorted({ components, paths }) as object),
  } as OpenAPIObject;
}

/** Arrays keep their order: that of `required`, `enum` and parameters comes from the source. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]));
}
