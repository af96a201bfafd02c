import { type Slot, WHOLE } from '../credentials/credential-fields.js';
import { refuseTemplateUnless } from './refusal.js';

export const PLACEHOLDER = '{{CREDENTIAL}}';

/** More places than any real request needs; bounds what one secret can grow to. */
const PLACEHOLDERS_MAX = 16;

/** Literal pieces, and between each two a slot: the field that stands there, or `WHOLE`. A text without any has one piece. */
export interface Text {
  readonly literals: readonly string[];
  readonly slots: readonly Slot[];
}

/** `{{CREDENTIAL}}` and `{{CREDENTIAL.field}}`. */
const WRITTEN = /\{\{CREDENTIAL(?:\.([a-z][a-z0-9_]{0,31}))?\}\}/;
/** Stepped through by hand: `matchAll` makes a copy of its pattern each time. */
const EACH_WRITTEN = new RegExp(WRITTEN, 'g');
const ONLY_WRITTEN = new RegExp(`^${WRITTEN.source}$`);

/** `{{NAME}}` and `{{NAME.field}}` in upper case, and careless spellings of the placeholder itself. Any other `{{…}}` is plain text. */
const NAMED = /\{\{\s{0,8}(?:[A-Z][A-Z0-9_]*(?:\.[\w.-]*)?|[Cc]redential(?:\.[\w.-]*)?)\s{0,8}\}\}/g;

const written = (slot: Slot): string => (slot === WHOLE ? PLACEHOLDER : `{{CREDENTIAL.${slot}}}`);

/** What no placeholder is without. Most texts of most requests end here. */
const OPENING = '{{';

export function splitText(text: string): Text {
  if (!text.includes(OPENING)) return { literals: [text], slots: [] };
  const [literals, slots]: [string[], Slot[]] = [[], []];
  let from = 0;
  EACH_WRITTEN.lastIndex = 0;
  for (let match = EACH_WRITTEN.exec(text); match !== null; match = EACH_WRITTEN.exec(text)) {
    literals.push(text.slice(from, match.index));
    slots.push(match[1] ?? WHOLE);
    from = match.index + match[0].length;
  }
  return { literals: [...literals, text.slice(from)], slots };
}

export const joinText = (text: Text): string => fillText(text, written);

/** The text with something in the place of each slot; a literal is never looked into again. */
export const fillText = ({ literals, slots }: Text, filling: (slot: Slot) => string): string =>
  literals.map((literal, index) => (index === 0 ? literal : filling(slots[index - 1] as Slot) + literal)).join('');

export const mapLiterals = (text: Text, change: (literal: string) => string): Text => ({
  literals: text.literals.map(change),
  slots: text.slots,
});

export const hasPlaceholder = (text: string): boolean => text.includes(OPENING) && WRITTEN.test(text);

/**
 * One template names one credential, the one in the route. A second name is refused rather than sent on as text: unknown and
 * forbidden names then look the same, and nobody mistakes a typing error for a redacted answer.
 */
export function refuseOtherNames(text: string, where: string): void {
  if (!text.includes(OPENING)) return;
  NAMED.lastIndex = 0;
  for (let match = NAMED.exec(text); match !== null; match = NAMED.exec(text)) {
    refuseTemplateUnless(
      ONLY_WRITTEN.test(match[0]),
      `${where} names a placeholder other than ${PLACEHOLDER} and its fields`,
    );
  }
}

export function refusePlaceholder(text: string, where: string): void {
  refuseTemplateUnless(!hasPlaceholder(text), `${PLACEHOLDER} cannot stand in the ${where}`);
}

/** How many placeholders all places together may have. None at all is for the credential's default injection. */
export function refuseUnlessCountFits(count: number): void {
  refuseTemplateUnless(count <= PLACEHOLDERS_MAX, `${PLACEHOLDER} stands in more than ${PLACEHOLDERS_MAX} places`);
}
