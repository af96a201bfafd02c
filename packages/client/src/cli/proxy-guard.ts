import type { IncomingHttpHeaders } from 'node:http';
import type { Listen } from './proxy-options.js';

export type Refusal = { status: number; code: string; title: string; detail?: string | undefined };
type Incoming = { method?: string | undefined; url?: string | undefined; headers: IncomingHttpHeaders };

/**
 * What the proxy does not forward. A web page in this machine's browser can reach loopback: through another name for
 * it (DNS rebinding: the Host header is then that name) or straight across origins (then the browser says so).
 */
export function refusal({ method, url, headers }: Incoming, listen: Listen): Refusal | undefined {
  const own = `${listen.hostForUrl}:${listen.port}`;
  if (headers.host?.toLowerCase() !== own) {
    return { status: 421, code: 'wrong_host', title: `This proxy answers to http://${own} only` };
  }
  const site = headers['sec-fetch-site'];
  if (headers.origin !== undefined || (site !== undefined && site !== 'none')) {
    return { status: 403, code: 'browser_refused', title: 'Web pages may not use this proxy' };
  }
  if (method === 'CONNECT' || method === 'TRACE' || headers.upgrade !== undefined) {
    return { status: 501, code: 'not_supported', title: 'Tunnels and upgrades are not supported' };
  }
  if (!url?.startsWith('/')) return { status: 400, code: 'bad_target', title: 'The request target must be a path' };
  return undefined;
}
