import { readFileSync } from 'node:fs';
import path from 'node:path';

interface Schema {
  readonly example?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly [keyword: string]: unknown;
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly schema: Schema;
}

interface Described {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly 'x-surface': readonly string[];
}

/** A field that names something: what it is of is the prefix of its ids, or its own name. */
export interface NamingField {
  readonly name: string;
  readonly kind: string;
}

/** One route of `openapi.json`. */
export interface Operation {
  /** `POST /v1/brakes` */
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly surfaces: readonly string[];
  readonly inPath: readonly NamingField[];
  readonly inBody: readonly NamingField[];
  /** The media type of its body, if it has one. */
  readonly body: string | undefined;
  readonly hasCursor: boolean;
  readonly keepsAnswers: boolean;
}

const ID = /^([a-z]{3})_[0-9a-f]{32}$/;
/** In a route, but nothing of any tenant's. */
const OF_UPSTREAM = '{scheme}/{host}/{path}';
const NAMES_SOMETHING = /(^tenant|_ids?|_names?)$/;

/** Every route there is, with the fields by which a caller names something that may be another tenant's. */
export function operations(): Operation[] {
  const file = path.resolve(__dirname, '../../openapi.json');
  const document = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
    readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
  };
  const resolve = (schema: Schema): Schema => {
    const name = typeof schema.$ref === 'string' ? (schema.$ref.split('/').at(-1) ?? '') : undefined;
    return name === undefined ? schema : (document.components?.schemas?.[name] ?? {});
  };
  return Object.entries(document.paths).flatMap(([at, methods]) =>
    Object.entries(methods).map(([verb, described]) => {
      const method = verb.toUpperCase();
      const parameters = described.parameters ?? [];
      const [type, content] = Object.entries(described.requestBody?.content ?? {})[0] ?? [];
      const named = ({ name, schema }: Parameter): NamingField => ({ name, kind: kindOf(name, schema) });
      return {
        route: `${method} ${at}`,
        method,
        path: at.replace(OF_UPSTREAM, 'https/nowhere.example/'),
        surfaces: described['x-surface'],
        inPath: parameters.filter((one) => one.in === 'path' && !OF_UPSTREAM.includes(`{${one.name}}`)).map(named),
        inBody: content === undefined ? [] : namingFields(content.schema, resolve),
        body: type,
        hasCursor: parameters.some(({ name }) => name === 'cursor'),
        keepsAnswers: parameters.some(({ name }) => name === 'Idempotency-Key'),
      };
    }),
  );
}

function kindOf(name: string, { example }: Schema): string {
  return (typeof example === 'string' ? ID.exec(example)?.[1] : undefined) ?? name;
}

/** At any depth. */
function namingFields(schema: Schema, resolve: (schema: Schema) => Schema): NamingField[] {
  const found: NamingField[] = [];
  const seen = new Set<Schema>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const node = resolve(value as Schema);
    if (seen.has(node)) return;
    seen.add(node);
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      const kind = kindOf(name, resolve(property));
      if (kind !== name || NAMES_SOMETHING.test(name)) found.push({ name, kind });
    }
    Object.values(node).forEach(look);
  };
  look(schema);
  return found;
}
