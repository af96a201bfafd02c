import type { RequestImage } from '../credentials/approvals/request-image.js';
import { joinText } from './placeholder.js';
import type { ParsedTemplate } from './template.js';

const DEFAULT_PORT = { https: 443, http: 80 } as const;

/** What would be sent, with the placeholders as text: what a person sees, and what an approval is bound to. */
export function imageOf(template: ParsedTemplate, passedBody: Uint8Array | null): RequestImage {
  const { method, target, headers } = template;
  const body = passedBody === null ? template.body : { bytes: passedBody };
  const { scheme, host, port } = target;
  const query = joinText(template.query);
  const origin = `${scheme}://${host}${port === DEFAULT_PORT[scheme] ? '' : `:${port}`}`;
  return {
    method,
    url: `${origin}${joinText(template.path)}${query === '' ? '' : `?${query}`}`,
    headers: headers.map(([name, value]) => [name, joinText(value)] as const),
    body:
      body === null
        ? null
        : 'bytes' in body
          ? { bytes: body.bytes, encoding: 'bytes' }
          : { bytes: Buffer.from(joinText(body.text)), encoding: body.encoding },
  };
}
