// A process: the API behind every proxy of a run. It answers over HTTPS, as little as an API can.
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { DemoAuthority } from '../src/quickstart/certificates.js';

const { UPSTREAM_HOST = '' } = process.env;
const KEEP_ALIVE_MS = 60_000;
const authority = await DemoAuthority.create('Chancery bench CA');
const body = JSON.stringify({ object: 'list', data: [{ id: 'model-1', owned_by: 'bench' }] });
const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
const server = createServer(await authority.issue([UPSTREAM_HOST]), (request, response) => {
  request.resume();
  response.writeHead(200, headers);
  response.end(body);
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port, certificate: authority.certificate });
});
process.once('disconnect', () => process.exit(0));
