import { createHash } from 'node:crypto';
import { canonicalize } from '@chancery/protocol/canonical-json.js';
import { publicId } from '../../platform/ids.js';
import type { Binding } from '../binding.js';

/** A request as it would be sent, with placeholders standing as text where the credential goes. Nothing here has seen it. */
export interface RequestImage {
  readonly method: string;
  /** Canonical, with the query. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: { readonly bytes: Uint8Array; readonly encoding: string } | null;
}

/** What an approval is bound to besides the request itself. */
export interface BoundTo {
  readonly agentId: string;
  readonly credentialId: string;
  readonly version: number;
  readonly binding: Binding;
}

/** How the secret is shown to people. */
export const MASK = '••••';
/** The longest part of a body that is stored for the approver; its length and hash stand for the rest. */
export const BODY_PREVIEW_BYTES_MAX = 16_384;
const PLACEHOLDERS = /\{\{CREDENTIAL(?:\.[a-z][a-z0-9_]{0,31})?\}\}/g;

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** The one number an approval is bound to: hex SHA-256 over the RFC 8785 form of everything that would be done. */
export function requestHash(image: RequestImage, bound: BoundTo): string {
  // Values as the bytes that are sent: what is no well-formed text has no canonical form.
  const headers = image.headers.map(([name, value]) => [name.toLowerCase(), Buffer.from(value).toString('latin1')]);
  const { body } = image;
  return sha256(
    canonicalize({
      v: 1,
      agent: publicId('agt', bound.agentId),
      credential: publicId('crd', bound.credentialId),
      version: bound.version,
      binding: sha256(canonicalize(bound.binding)),
      method: image.method,
      url: image.url,
      headers: headers.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
      body: body === null ? null : { sha256: sha256(body.bytes), bytes: body.bytes.length, encoding: body.encoding },
    }),
  );
}

/** What the approver sees: exactly what would be sent, the secret masked, a long body cut. */
export interface RequestPreview {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: {
    readonly text?: string;
    readonly base64?: string;
    /** Of the whole body, with the placeholder where the secret will be. */
    readonly bytes: number;
    readonly sha256: string;
    readonly truncated: boolean;
  } | null;
}

const masked = (text: string): string => text.replace(PLACEHOLDERS, MASK);

export function previewOf({ method, url, headers, body }: RequestImage): RequestPreview {
  return {
    method,
    url: masked(url),
    headers: headers.map(([name, value]) => [name, masked(value)] as const),
    body: body === null ? null : bodyPreview(body.bytes),
  };
}

function bodyPreview(bytes: Uint8Array): NonNullable<RequestPreview['body']> {
  const about = { bytes: bytes.length, sha256: sha256(bytes), truncated: bytes.length > BODY_PREVIEW_BYTES_MAX };
  const shown = bytes.subarray(0, BODY_PREVIEW_BYTES_MAX);
  const text = textOf(shown, about.truncated);
  return text === null ? { ...about, base64: Buffer.from(shown).toString('base64') } : { ...about, text: masked(text) };
}

/** The text of UTF-8 bytes; of a body that was cut, without the character the cut went through. */
function textOf(bytes: Uint8Array, cut: boolean): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut });
  } catch {
    return null;
  }
}
