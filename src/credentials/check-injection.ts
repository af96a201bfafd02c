import { isHeaderOurs } from '../platform/outbound/message-rules.js';
import type { Binding, Placement } from './binding.js';
import { BASIC, type FieldShape, type Slot, slotsOf, WHOLE } from './credential-fields.js';
import { injectionRefused } from './credentials.errors.js';
import type { Injection } from './injection.js';

export const placementOf = (injection: Injection): Placement => (injection.kind === 'query' ? 'query' : 'header');

export const slotOf = (injection: Injection): Slot => (injection.kind === 'basic' ? BASIC : (injection.field ?? WHOLE));

/** A default injection must work for every request: the credential has what it puts in, and its binding lets it stand there. */
export function checkInjection(injection: Injection | null, shape: FieldShape | null, binding: Binding): void {
  if (injection === null) return;
  if (!slotsOf(shape).has(slotOf(injection))) throw injectionRefused(missing(injection, shape));
  if (injection.kind === 'header') {
    const name = injection.name.toLowerCase();
    if (isHeaderOurs(name) || name === 'content-type') throw injectionRefused(`The header ${name} cannot be set.`);
  }
  const { placements } = binding;
  if (placements !== undefined && !placements.includes(placementOf(injection))) {
    throw injectionRefused(`The binding's placements leave out the ${placementOf(injection)}.`);
  }
}

function missing(injection: Injection, shape: FieldShape | null): string {
  if (shape === null) return 'The credential is one value: use scheme, header or query, and name no field.';
  const names = Object.keys(shape).sort().join(', ');
  if (injection.kind === 'basic') return `Basic needs a field "username"; the credential has ${names}.`;
  return `Name one of its fields in "field": ${names}.`;
}
