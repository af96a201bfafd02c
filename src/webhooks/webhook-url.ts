import { result, type Result, refuseUrlUnless } from '../proxy/refusal.js';
import { readTarget } from '../proxy/target.js';

/** Where to post to, read once by the rules for everything that a tenant can aim (ATTACKS 1–8). */
export interface WebhookTarget {
  readonly scheme: 'https' | 'http';
  readonly host: string;
  readonly port: number;
  /** With the query. */
  readonly path: string;
  /** The canonical form, which is stored and shown. */
  readonly url: string;
}

export function readWebhookUrl(raw: string, options: { readonly allowCleartext: boolean }): Result<WebhookTarget> {
  return result(() => {
    refuseUrlUnless(!/[{}#]/.test(raw), 'the URL of a webhook has no placeholder, brace or fragment');
    const { scheme, host, port, path, query, url } = readTarget(raw, options);
    const pairs = query.map(({ name, value }) => (value === null ? name : `${name}=${value}`)).join('&');
    const search = pairs === '' ? '' : `?${pairs}`;
    return { scheme, host, port, path: path + search, url: url + search };
  });
}
