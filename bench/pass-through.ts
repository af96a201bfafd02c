// A process: the least a proxy in Node can do, and with PROOF the least one that verifies the same DPoP proof can do.
import { createHash, createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const IAT_WINDOW_SECONDS = 60;
const { UPSTREAM_PORT, UPSTREAM_HOST = '', UPSTREAM_CA = '', PROOF } = process.env;
const pool = new Pool(`https://127.0.0.1:${UPSTREAM_PORT}`, {
  connections: 64,
  connect: { ca: UPSTREAM_CA, servername: UPSTREAM_HOST },
});
const keys = new Map<string, { key: KeyObject; jkt: string }>();
const seen = new Set<string>();

const server = createServer((request, response) => {
  request.resume();
  if (PROOF !== undefined && !proves(request)) {
    response.writeHead(401).end();
    return;
  }
  pool
    .request({ method: 'GET', path: '/', headers: { host: UPSTREAM_HOST, authorization: 'Bearer the-real-key' } })
    .then(
      (answer) => {
        response.writeHead(answer.statusCode, answer.headers as Record<string, string>);
        answer.body.pipe(response);
      },
      () => response.writeHead(502).end(),
    );
});

/** RFC 9449 section 4.3 with the key imported once; the token counts as verified, as it would be after its first use. */
function proves(request: IncomingMessage): boolean {
  const { authorization = '', dpop } = request.headers;
  const [header, payload, signature, rest] = String(dpop).split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest !== undefined) return false;
  const { key, jkt } = keyOf(header);
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, string | number>;
  const now = Math.floor(Date.now() / 1000);
  if (claims['htm'] !== request.method || !String(claims['htu']).endsWith(request.url ?? '')) return false;
  if (!(Math.abs(now - Number(claims['iat'])) <= IAT_WINDOW_SECONDS)) return false;
  if (claims['ath'] !== hash('sha256', authorization.slice('DPoP '.length), 'base64url')) return false;
  const used = hash('sha256', jkt + claims['jti'], 'hex');
  if (seen.has(used)) return false;
  if (!verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))) return false;
  seen.add(used);
  return true;
}

function keyOf(segment: string): { key: KeyObject; jkt: string } {
  const known = keys.get(segment);
  if (known !== undefined) return known;
  const { jwk } = JSON.parse(Buffer.from(segment, 'base64url').toString()) as { jwk: { x: string } };
  const canonical = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x: jwk.x });
  const made = {
    key: createPublicKey({ key: { ...jwk, kty: 'OKP', crv: 'Ed25519' }, format: 'jwk' }),
    jkt: createHash('sha256').update(canonical).digest('base64url'),
  };
  keys.set(segment, made);
  return made;
}

server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('disconnect', () => process.exit(0));
