import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { AppModule } from './app.module.js';
import { environmentShape } from './config/environment-shape.js';
import { isOpenToAll } from './platform/http/access.js';
import { previewOf } from './platform/http/openapi.js';
import { type Route, routesOf } from './platform/http/route-list.js';
import { ACCESS, type Access } from './tenancy/access.js';
import { KEY_ROLES, MEMBER_ROLES } from './tenancy/principal.js';

export const file = 'docs/reference.md';

/** The reference as it stands, with the parts that the code knows better written anew between their marks. */
export async function generate(): Promise<string> {
  const app = await previewOf(AppModule.at({ host: 'nowhere', port: 0, database: 'none', ssl: false }));
  const text = readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), 'utf8');
  const withRoutes = between(text, 'routes', table(routeHeads, routesOf(app).map(routeRow)));
  return between(withRoutes, 'configuration', configuration());
}

function between(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no place marked "${begin}" … "${end}"`);
  return `${text.slice(0, from)}${begin}\n\n${content}\n\n${text.slice(to)}`;
}

const routeHeads = ['route', 'surface', ...MEMBER_ROLES, ...KEY_ROLES.map((role) => `key ${role}`), 'agent'];

function routeRow({ method, path, surfaces, idempotent, controller, handler }: Route): string[] {
  const route = `${method} \`${path}\`${idempotent ? ' ★' : ''}`;
  const where = surfaces.join(', ');
  if (isOpenToAll(handler, controller)) return [route, where, ...routeHeads.slice(2).map(() => 'open')];
  const access = Reflect.getMetadata(ACCESS, handler) as Access | undefined;
  if (access === undefined) throw new Error(`${method} ${path} does not say who may call it`);
  const yes = access.human === true ? 'human' : 'yes';
  return [
    route,
    where,
    ...MEMBER_ROLES.map((role) => (access.members?.includes(role) === true ? yes : '')),
    ...KEY_ROLES.map((role) => (access.keys?.includes(role) === true && access.human !== true ? 'yes' : '')),
    access.agents === true ? 'yes' : '',
  ];
}

function configuration(): string {
  const groups = new Map<string, string[][]>();
  for (const [name, schema] of Object.entries(environmentShape)) {
    const { group, description } = schema.meta() as { group: string; description: string };
    const row = [`\`${name}\``, fallbackOf(schema), description];
    groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  const heads = ['variable', 'default', 'what it is for'];
  return [...groups].map(([group, rows]) => `### ${group}\n\n${table(heads, rows)}`).join('\n\n');
}

function fallbackOf(schema: z.ZodType): string {
  if (!schema.safeParse(undefined).success) return 'required';
  const fallback = defaultOf(schema);
  return typeof fallback === 'string' && fallback !== '' ? `\`${fallback}\`` : '';
}

/** The default as it would be written, from under the transformations that read it. */
function defaultOf(schema: z.ZodType): unknown {
  const def = schema.def as { type: string; in?: z.ZodType; defaultValue?: unknown };
  if (def.type === 'default') return def.defaultValue;
  return def.type === 'pipe' && def.in !== undefined ? defaultOf(def.in) : undefined;
}

/** As prettier aligns it, so that both are content with the same file. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heads, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = heads.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), rule, ...body.map(line)].join('\n');
}
