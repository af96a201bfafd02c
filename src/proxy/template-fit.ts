import { type FieldShape, type Slot, slotsOf, WHOLE } from '../credentials/credential-fields.js';

export type Misfit =
  { readonly code: 'placeholder_missing' } | { readonly code: 'template_refused'; readonly detail: string };

/**
 * Whether the credential fills what a template asks for. Known from the names alone, so that nothing is decrypted for a template
 * that cannot be rendered. The last step of the order: only who may send the credential there hears whether a field exists, and
 * nobody which others do.
 */
export function misfit(shape: FieldShape | null, slots: readonly Slot[]): Misfit | null {
  if (slots.length === 0) return { code: 'placeholder_missing' };
  const filled = slotsOf(shape);
  if (slots.every((slot) => filled.has(slot))) return null;
  return { code: 'template_refused', detail: detailOf(shape, slots) };
}

function detailOf(shape: FieldShape | null, slots: readonly Slot[]): string {
  if (shape === null) return 'This credential is one value: write {{CREDENTIAL}}, without a field.';
  if (slots.includes(WHOLE)) return 'This credential has fields: write {{CREDENTIAL.<field>}}.';
  return 'This credential has no field of a name that the template asks for.';
}
