import { decodedQueryPart } from './percent.js';
import { hasPlaceholder, joinText, refuseOtherNames, splitText, type Text } from './placeholder.js';
import { Refused, refuseTemplateUnless } from './refusal.js';
import type { HeaderTemplate } from './template-headers.js';

export const BODY_BYTES_MAX = 5 * 1_048_576;
const JSON_DEPTH_MAX = 64;

/** How the secret is written so that the body keeps its structure. */
export type BodyEncoding = 'json' | 'form' | 'text';
export type BodyTemplate = { readonly encoding: BodyEncoding; readonly text: Text } | { readonly bytes: Uint8Array };

type BodyInput = { readonly body?: string | object | undefined; readonly body_base64?: string | undefined };

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const OPEN_ESCAPE = {
  form: /%[0-9A-Fa-f]?$/,
  json: /(?:^|[^\\])(?:\\\\)*\\(?:u[0-9A-Fa-f]{0,3})?$/,
  text: null,
} as const;
const LONE_SURROGATE = /\p{Surrogate}/u;

export const JSON_CONTENT_TYPE: HeaderTemplate = ['content-type', splitText('application/json')];

export function readBody(input: BodyInput, headers: readonly HeaderTemplate[]): BodyTemplate | null {
  const { body, body_base64: base64 } = input;
  refuseTemplateUnless(body === undefined || base64 === undefined, 'body and body_base64 exclude each other');
  if (base64 !== undefined) return { bytes: readBase64(base64) };
  if (body === undefined) return null;
  return typeof body === 'string' ? readTextBody(body, headers) : readJsonBody(body, headers);
}

export function bodyText(body: BodyTemplate | null): Text {
  return body !== null && 'text' in body ? body.text : splitText('');
}

function readBase64(base64: string): Uint8Array {
  refuseTooLarge(Math.floor((base64.length * 3) / 4));
  refuseTemplateUnless(BASE64.test(base64), 'body_base64 is not base64');
  const bytes = Buffer.from(base64, 'base64');
  refuseTemplateUnless(!hasPlaceholder(bytes.toString('latin1')), '{{CREDENTIAL}} cannot stand in body_base64');
  return bytes;
}

function readTextBody(body: string, headers: readonly HeaderTemplate[]): BodyTemplate {
  refuseTooLarge(Buffer.byteLength(body));
  refuseTemplateUnless(!LONE_SURROGATE.test(body), 'the body is not well-formed Unicode');
  refuseOtherNames(body, 'the body');
  const type = mediaType(headers);
  if (isForm(type)) checkForm(body);
  if (isJson(type)) checkJson(body);
  const encoding = isForm(type) ? 'form' : isJson(type) || isJsonLines(type) ? 'json' : 'text';
  const text = splitText(body);
  refuseOpenEscape(text, encoding);
  return { encoding, text };
}

/** Half an escape before a placeholder would be completed by the credential: what is sent, and what is echoed, would be something else. */
function refuseOpenEscape({ literals }: Text, encoding: BodyEncoding): void {
  const open = OPEN_ESCAPE[encoding];
  const isOpen = open !== null && literals.slice(0, -1).some((literal) => open.test(literal));
  refuseTemplateUnless(!isOpen, 'an escape begins right before {{CREDENTIAL}} in the body');
}

function readJsonBody(body: object, headers: readonly HeaderTemplate[]): BodyTemplate {
  const type = mediaType(headers);
  refuseTemplateUnless(
    type === '' || isJson(type),
    'an object body is sent as JSON; the content type says something else',
  );
  checkKeys(body, 0);
  const text = JSON.stringify(body);
  refuseTooLarge(Buffer.byteLength(text));
  refuseOtherNames(text, 'the body');
  return { encoding: 'json', text: splitText(text) };
}

/** The structure is checked on the text as it stands, which is also what is sent: nothing is re-serialised. */
function checkJson(text: string): void {
  if (!hasPlaceholder(text)) return;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refused(
      'template_refused',
      'the content type says JSON, but the body is not: put {{CREDENTIAL}} inside a JSON string',
    );
  }
  checkKeys(value, 0);
}

function checkKeys(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  refuseTemplateUnless(depth < JSON_DEPTH_MAX, `the body is nested deeper than ${JSON_DEPTH_MAX}`);
  for (const [key, child] of Object.entries(value)) {
    refuseTemplateUnless(!hasPlaceholder(key), '{{CREDENTIAL}} cannot stand in a JSON member name');
    checkKeys(child, depth + 1);
  }
}

function checkForm(text: string): void {
  for (const pair of text.split('&')) {
    const name = decodedQueryPart(pair.split('=', 1)[0] as string);
    refuseTemplateUnless(!hasPlaceholder(name), '{{CREDENTIAL}} cannot stand in a form field name');
  }
}

function refuseTooLarge(bytes: number): void {
  if (bytes > BODY_BYTES_MAX) throw new Refused('payload_too_large', `the body is larger than ${BODY_BYTES_MAX} bytes`);
}

function mediaType(headers: readonly HeaderTemplate[]): string {
  const header = headers.find(([name]) => name.toLowerCase() === 'content-type');
  if (header === undefined) return '';
  const value = joinText(header[1]);
  refuseTemplateUnless(!hasPlaceholder(value), '{{CREDENTIAL}} cannot stand in the content type');
  return (value.split(';', 1)[0] as string).trim().toLowerCase();
}

const isForm = (type: string): boolean => type === 'application/x-www-form-urlencoded';
const isJson = (type: string): boolean => /^[^/]+\/(?:[^/]+\+)?json$/.test(type);
const isJsonLines = (type: string): boolean =>
  /^[^/]+\/(?:x-)?(?:ndjson|jsonl|json-lines|jsonlines|json-seq)$/.test(type);
