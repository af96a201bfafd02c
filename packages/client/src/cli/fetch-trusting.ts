import { rootCertificates } from 'node:tls';
import { Agent, fetch } from 'undici';
import type { Fetch } from '../http.js';

const CONNECT_TIMEOUT_MS = 10_000;

/** A fetch that trusts the certificates in `pem` besides the system's, and the end of its connections. */
export function fetchTrusting(pem: string): { fetch: Fetch; close: () => Promise<void> } {
  const dispatcher = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS, ca: [...rootCertificates, pem] } });
  const trusting = (input: string, init?: object) => fetch(input, { ...init, dispatcher });
  return { fetch: trusting as unknown as Fetch, close: () => dispatcher.destroy() };
}
