import { refuseTemplateUnless } from './refusal.js';

export const PLACEHOLDER = '{{CREDENTIAL}}';

/** More places than any real request needs; bounds what one secret can grow to. */
const PLACEHOLDERS_MAX = 16;

/** Literal pieces with one placeholder between each two: a text without any has one piece. */
export type Text = readonly string[];

/** `{{NAME}}` and `{{NAME.field}}` in upper case, and careless spellings of the placeholder itself. Any other `{{…}}` is plain text. */
const NAMED = /\{\{\s{0,8}(?:[A-Z][A-Z0-9_]*(?:\.[\w.-]*)?|[Cc]redential)\s{0,8}\}\}/g;

export const splitText = (text: string): Text => text.split(PLACEHOLDER);
export const joinText = (text: Text): string => text.join(PLACEHOLDER);
export const placeholdersIn = (text: Text): number => text.length - 1;
export const hasPlaceholder = (text: string): boolean => text.includes(PLACEHOLDER);

/**
 * One template names one credential, the one in the route. A second name is refused rather than sent on as text: unknown and
 * forbidden names then look the same, and nobody mistakes a typing error for a redacted answer.
 */
export function refuseOtherNames(text: string, where: string): void {
  for (const [name] of text.matchAll(NAMED)) {
    refuseTemplateUnless(name === PLACEHOLDER, `${where} names a placeholder other than ${PLACEHOLDER}`);
  }
}

export function refusePlaceholder(text: string, where: string): void {
  refuseTemplateUnless(!hasPlaceholder(text), `${PLACEHOLDER} cannot stand in the ${where}`);
}

/** The number of placeholders in all places together, at least one and at most `PLACEHOLDERS_MAX`. */
export function refuseUnlessCountFits(count: number): void {
  refuseTemplateUnless(
    count > 0,
    `the request has no ${PLACEHOLDER} in a header value, the path, a query value or the body`,
  );
  refuseTemplateUnless(count <= PLACEHOLDERS_MAX, `${PLACEHOLDER} stands in more than ${PLACEHOLDERS_MAX} places`);
}
