import { type Placement, PLACEMENTS } from '../credentials/binding.js';
import type { Slot } from '../credentials/credential-fields.js';
import { decodedQueryPart, percentEncode } from './percent.js';
import {
  hasPlaceholder,
  joinText,
  mapLiterals,
  refuseOtherNames,
  refusePlaceholder,
  refuseUnlessCountFits,
  splitText,
  type Text,
} from './placeholder.js';
import { refuseTemplateUnless, result, type Result } from './refusal.js';
import { readTarget, type QueryPair, type Target, type TargetOptions } from './target.js';
import { bodyText, JSON_CONTENT_TYPE, readBody, type BodyTemplate } from './template-body.js';
import { readHeaders, readMethod, type HeaderTemplate } from './template-headers.js';

export const QUERY_PARAMETERS_MAX = 128;
export const QUERY_PART_CHARS_MAX = 8_192;
export const QUERY_CHARS_MAX = 32_768;

/** The `request` of an execute call, already of the right types (the schema at the edge sees to that). */
export type ExecuteRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | object | undefined;
  readonly body_base64?: string | undefined;
};

/** A request without its secret: everything about it can be decided, hashed and written down before the secret is touched. */
export type ParsedTemplate = {
  readonly method: string;
  readonly target: Target;
  readonly path: Text;
  readonly query: Text;
  readonly headers: readonly HeaderTemplate[];
  readonly body: BodyTemplate | null;
  /** Where placeholders stand; nowhere in a template that leaves it to the credential's default injection. */
  readonly places: readonly Placement[];
  /** What they ask for, each once. */
  readonly slots: readonly Slot[];
};

/** Reads a template once, without any secret in sight. Every refusal comes before the credential is looked up. */
export function parseTemplate(request: ExecuteRequest, options: TargetOptions): Result<ParsedTemplate> {
  return result(() => {
    const method = readMethod(request.method);
    refuseOtherNames(request.url, 'the URL');
    const { scheme, host, port, path: targetPath, query: ownQuery, url } = readTarget(request.url, options);
    const target = { scheme, host, port, path: targetPath, query: mergeQuery(ownQuery, request.query ?? {}), url };
    const headers = readHeaders(request.headers ?? {});
    const body = readBody(request, headers);
    refuseTemplateUnless(body === null || method !== 'HEAD', 'a HEAD request has no body');

    const path = splitText(target.path);
    const query = splitText(queryString(target.query));
    const standing: Record<Placement, readonly Slot[]> = {
      header: slotsOf(headers),
      path: path.slots,
      query: query.slots,
      body: bodyText(body).slots,
    };
    const places = PLACEMENTS.filter((place) => standing[place].length > 0);
    const all = [...standing.header, ...standing.path, ...standing.query, ...standing.body];
    refuseUnlessCountFits(all.length);
    const slots = [...new Set(all)];
    return { method, target, path, query, headers: withContentType(request, headers), body, places, slots };
  });
}

function slotsOf(headers: readonly HeaderTemplate[]): readonly Slot[] {
  const slots: Slot[] = [];
  for (const [, value] of headers) slots.push(...value.slots);
  return slots;
}

/** A parameter of the map replaces every one of the same name; one that carries the secret stands alone under its name. */
function mergeQuery(fromUrl: readonly QueryPair[], map: Readonly<Record<string, string>>): QueryPair[] {
  const added = Object.entries(map).map(([name, value]) => readParameter(name, value));
  const replaced = new Set(added.map(({ name }) => decodedQueryPart(name)));
  const kept = fromUrl.filter(({ name }) => !replaced.has(decodedQueryPart(name)));
  const merged = withoutShadows([...kept, ...added]);
  refuseTemplateUnless(
    merged.length <= QUERY_PARAMETERS_MAX,
    `there are more than ${QUERY_PARAMETERS_MAX} query parameters`,
  );
  refuseTemplateUnless(
    queryString(merged).length <= QUERY_CHARS_MAX,
    `the query is longer than ${QUERY_CHARS_MAX} characters`,
  );
  return merged;
}

function withoutShadows(pairs: readonly QueryPair[]): QueryPair[] {
  const secretAt = new Map<string, number>();
  pairs.forEach(({ name, value }, index) => {
    if (hasPlaceholder(value ?? '')) secretAt.set(decodedQueryPart(name), index);
  });
  return pairs.filter(({ name }, index) => (secretAt.get(decodedQueryPart(name)) ?? index) === index);
}

function readParameter(name: string, value: string): QueryPair {
  const tooLong = `a query parameter is longer than ${QUERY_PART_CHARS_MAX} characters`;
  refuseTemplateUnless(name.length <= QUERY_PART_CHARS_MAX && value.length <= QUERY_PART_CHARS_MAX, tooLong);
  refuseTemplateUnless(name !== '', 'a query parameter has no name');
  refusePlaceholder(name, 'name of a query parameter');
  refuseOtherNames(value, 'a query value');
  const escape = (text: string): string => percentEncode(Buffer.from(text));
  return { name: escape(name), value: joinText(mapLiterals(splitText(value), escape)) };
}

const queryString = (pairs: readonly QueryPair[]): string =>
  pairs.map(({ name, value }) => (value === null ? name : `${name}=${value}`)).join('&');

function withContentType(request: ExecuteRequest, headers: readonly HeaderTemplate[]): readonly HeaderTemplate[] {
  const isJson = typeof request.body === 'object';
  const isNamed = headers.some(([name]) => name.toLowerCase() === 'content-type');
  return isJson && !isNamed ? [...headers, JSON_CONTENT_TYPE] : headers;
}
