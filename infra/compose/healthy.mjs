// The container's health check: ready, sealed or not. A listener on a Unix socket is asked there.
import { request } from 'node:http';

const TIMEOUT_MS = 4_000;
const listen = process.env.OPS_LISTEN ?? '127.0.0.1:8082';
const where = listen.startsWith('unix:')
  ? { socketPath: listen.slice('unix:'.length) }
  : { host: '127.0.0.1', port: listen.slice(listen.lastIndexOf(':') + 1) };

const call = request({ ...where, path: '/health/ready', timeout: TIMEOUT_MS }, (answer) => {
  process.exit(answer.statusCode === 200 ? 0 : 1);
});
call.on('timeout', () => process.exit(1));
call.on('error', () => process.exit(1));
call.end();
