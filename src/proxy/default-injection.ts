import { placementOf, slotOf } from '../credentials/check-injection.js';
import type { Injection } from '../credentials/injection.js';
import type { RequestFacts } from './binding-policy.js';
import { decodedQueryPart, percentEncode } from './percent.js';
import type { Text } from './placeholder.js';
import type { ParsedTemplate } from './template.js';

/** The facts of a request that names no place itself, with the place of the credential's default injection. */
export function withDefaultPlace(request: RequestFacts, injection: Injection | null): RequestFacts {
  if (request.slots.length > 0 || injection === null) return request;
  return { ...request, places: [placementOf(injection)], slots: [slotOf(injection)] };
}

/**
 * The template with the credential's default injection in it, if it names no place itself. What it had under the same name goes:
 * libraries send a key of their own making, and no request carries two.
 */
export function withDefaultInjection(template: ParsedTemplate, injection: Injection | null): ParsedTemplate {
  if (template.slots.length > 0 || injection === null) return template;
  const slot = slotOf(injection);
  const edited = { ...template, places: [placementOf(injection)], slots: [slot] };
  switch (injection.kind) {
    case 'scheme':
      return withHeader(edited, 'authorization', { literals: [`${injection.scheme} `, ''], slots: [slot] });
    case 'basic':
      return withHeader(edited, 'authorization', { literals: ['Basic ', ''], slots: [slot] });
    case 'header':
      return withHeader(edited, injection.name, { literals: ['', ''], slots: [slot] });
    case 'query':
      return withParameter(edited, injection.name, { literals: ['', ''], slots: [slot] });
  }
}

function withHeader(template: ParsedTemplate, name: string, value: Text): ParsedTemplate {
  const others = template.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  return { ...template, headers: [...others, [name, value]] };
}

function withParameter(template: ParsedTemplate, name: string, value: Text): ParsedTemplate {
  const kept = template.target.query.filter((pair) => decodedQueryPart(pair.name) !== name);
  const before = kept.map((pair) => (pair.value === null ? `${pair.name}&` : `${pair.name}=${pair.value}&`)).join('');
  const [first = '', ...rest] = value.literals;
  const named = `${before}${percentEncode(Buffer.from(name))}=${first}`;
  return { ...template, query: { ...value, literals: [named, ...rest] } };
}
