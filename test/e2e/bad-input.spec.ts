import { Agent, request } from 'node:http';
import { type AppTenant, startApp, storeCredential, type TestApp } from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { CANARY, type Garbage, garbageFor } from '../support/garbage.js';
import { signedIn } from '../support/identity.js';
import { type Route, routes } from '../support/openapi-routes.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';

jest.setTimeout(240_000);

const AT_ONCE = 8;
const KEY = 'sk-live-0123456789abcdef';
/** What a server in order says to the worst of requests. */
const EXPECTED_5XX = new Set(['vault_sealed', 'over_capacity', 'upstream_unreachable']);
const STACK_TRACE = /\n\s+at |node_modules|\.ts:\d|\.js:\d/;

const keptOpen = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  const many = '10000000';
  app = await startApp({ env: { RATE_ADDRESS_PER_MINUTE: many, RATE_PRINCIPAL_PER_MINUTE: many } });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', KEY, { grantTo: [agent] });
});
afterAll(async () => {
  keptOpen.destroy();
  await app?.close();
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** As it is: no client that tidies the target up. */
function send(
  route: Route,
  { target, body, headers }: Garbage,
  who: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { hostname, port } = new URL(app.at[route.surface]);
  const length = Buffer.byteLength(body ?? '');
  const type = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': length };
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, method: route.method, path: target, agent: keptOpen, headers: { ...type, ...who, ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            type: answer.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    sent.on('error', (error) =>
      reject(
        new Error(
          `${error.message} at ${target.slice(0, 100)} ${JSON.stringify(headers)} ${String(body).slice(0, 60)}`,
        ),
      ),
    );
    sent.setTimeout(60_000, () => sent.destroy(new Error(`no answer to ${route.method} ${target.slice(0, 200)}`)));
    sent.end(body);
  });
}

/** What is wrong with the answer; nothing, when it is as it has to be. */
function faultsOf({ status, type, text }: Answer): string[] {
  if (status < 400) return [];
  const faults: string[] = [];
  if (text.includes(CANARY)) faults.push('says back what it was sent');
  if (STACK_TRACE.test(text)) faults.push('shows its insides');
  if (text === '') return status === 405 || status === 404 ? faults : [...faults, 'says nothing'];
  if (!type.startsWith('application/problem+json') && !type.startsWith('application/json')) return [...faults, type];
  const { code, error } = JSON.parse(text) as { code?: string; error?: string };
  if (status >= 500 && !EXPECTED_5XX.has(code ?? '')) faults.push('is its own fault');
  if ((code ?? error) === undefined) faults.push('names no code');
  return faults;
}

/** `npm test` throws every other piece, beginning elsewhere at each route, and `test:long` all of it. */
function shareOf(route: Route): Garbage[] {
  const all = garbageFor(route);
  const salt = `${route.method} ${route.path}`.length;
  return process.env.CHANCERY_TEST_LONG === '1' ? all : all.filter((_, index) => (index + salt) % 2 === 0);
}

/** Sends all of it, several at once, and tells what went wrong with which. */
async function throwAt(
  route: Route,
  who: () => Promise<Record<string, string>> | Record<string, string>,
  waiting = shareOf(route),
): Promise<string[]> {
  const found: string[] = [];
  const thrower = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const answer = await send(route, next, await who());
      const sent = `${next.target} ${JSON.stringify(next.headers ?? '')} ${String(next.body ?? '')}`;
      for (const fault of faultsOf(answer)) {
        found.push(`${fault}: ${sent.slice(0, 300)} → ${answer.status} ${answer.text.slice(0, 300)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, thrower));
  return found;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const person = async ({ surface }: Route) =>
  bearer(await signedIn(app, surface === 'ops' ? PLATFORM_TENANT_ID : tenant.id, 'owner'));

/** What a request may end for those after it comes last. */
const LAST = ['/v1/brakes', '/v1/vault/seal', '/v1/vault/unseal', '/v1/logout'];
const rank = ({ path }: Route) => LAST.indexOf(path);
/** A route for any method is one route. */
const all = routes()
  .filter(({ method, path }) => method === 'POST' || !path.includes('/proxy/'))
  .sort((a, b) => rank(a) - rank(b));
const named = (route: Route): readonly [string, Route] => [`${route.surface} ${route.method} ${route.path}`, route];

/** What stands in front of a closed door is the same for each: all of it in `npm run test:long`, here in turns. */
const TURNS = process.env.CHANCERY_TEST_LONG === '1' ? 1 : 4;

test.each(all.map((route, i) => [...named(route), i % TURNS] as const))(
  'P20: garbage from nobody: %s',
  async (_, route, turn) => {
    // Behind a closed door nobody reads a body's fields.
    const garbage = route.open
      ? garbageFor(route)
      : garbageFor({ ...route, body: undefined }).filter((__, i) => i % TURNS === turn);
    expect(await throwAt(route, () => ({}), garbage)).toEqual([]);
  },
);

const execute = all.filter(({ path }) => path.endsWith('/execute'));

test.each(execute.map(named))('P1: garbage from an agent: %s', async (_, route) => {
  const granted = { ...route, path: route.path.replace('{name}', 'key') };
  const prove = async () => {
    const { accessToken = '', base, nonce } = agent;
    const htu = base + granted.path;
    const dpop = await agent.proof({ htm: 'POST', htu, accessToken, ...(nonce !== undefined && { nonce }) });
    return { authorization: `DPoP ${accessToken}`, dpop };
  };
  const faults = await throwAt(granted, prove);
  expect(faults).toEqual([]);
});

/** The test's people have no second factor that could be shown again. */
const closed = all.filter((route) => !route.open && !execute.includes(route) && route.path !== '/v1/login/factor');

test.each(closed.map(named))('P20: garbage from a person who may do everything: %s', async (_, route) => {
  const who = await person(route);
  expect(await throwAt(route, () => who)).toEqual([]);
});

test('nothing of it was an error of the server, and no log line has what was sent', () => {
  expect(app.logged.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  const lines = app.logged.map((line) => JSON.stringify(line));
  expect(lines.filter((line) => line.includes(CANARY) || line.includes(KEY)).slice(0, 3)).toEqual([]);
});

test('and the server is well', async () => {
  for (const surface of ['public', 'tenant', 'ops'] as const) {
    expect((await fetch(`${app.at[surface]}/health/ready`)).status).toBe(200);
  }
});
