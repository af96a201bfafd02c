import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, Server, type ServerOptions } from 'node:https';

/** In this order, and the server's order decides. */
export const TLS_CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
] as const;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** An HTTPS server that speaks TLS 1.3 and nothing older. */
export function createTlsServer(files: { certFile: string; keyFile: string }, options: ServerOptions): Server {
  const server = createServer({
    ...options,
    cert: readFileSync(files.certFile),
    key: readFileSync(files.keyFile),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: TLS_CIPHERS.join(':'),
    honorCipherOrder: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  // Frameworks have been seen to drop TLS options and serve plain HTTP in silence.
  assert(server instanceof Server, 'TLS was asked for and the server does not speak it');
  return server;
}
