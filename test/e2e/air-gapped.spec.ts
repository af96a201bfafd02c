import dgram from 'node:dgram';
import dns from 'node:dns';
import { Socket } from 'node:net';
import { SignCheckpoints } from '../../src/audit/sign-checkpoints.js';
import { SweepIntents } from '../../src/audit/sweep-intents.js';
import {
  execute,
  expectStatus,
  MASTER_PASSWORD,
  startApp,
  storeCredential,
  type TestApp,
  UPSTREAM_URL,
} from '../support/app.js';
import { adminUrl } from '../support/cluster.js';
import { DpopAgent } from '../support/dpop-agent.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { callerOn } from '../support/identity.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

interface Dialled {
  readonly host: string;
  readonly port: number | string;
}

/** Everything this process dials, asks a name server or sends without a connection. */
class Watch {
  readonly dialled: Dialled[] = [];
  /** The addresses behind the names that were dialled. */
  readonly reached = new Set<string>();
  readonly asked: string[] = [];
  readonly #spies: jest.SpyInstance[] = [];

  constructor() {
    // oxlint-disable-next-line typescript/unbound-method -- it is called on the socket it was called on
    const { connect } = Socket.prototype;
    const { dialled, reached } = this;
    this.#spies.push(
      jest.spyOn(Socket.prototype, 'connect').mockImplementation(function watched(this: Socket, ...args: unknown[]) {
        // Node hands its own calls over as one list, everybody else as options, or as port and host.
        const [first, second] = (Array.isArray(args[0]) ? args[0] : args) as [unknown, unknown];
        const to = typeof first === 'object' ? (first as { host?: string; port?: number; path?: string }) : null;
        const host = to?.host ?? (typeof second === 'string' ? second : 'localhost');
        dialled.push({ host, port: to?.port ?? to?.path ?? String(first) });
        // A connection that is over before its turn comes has no address any more.
        this.once('connect', () => this.remoteAddress !== undefined && reached.add(this.remoteAddress));
        return Reflect.apply(connect, this, args) as Socket;
      }),
      jest.spyOn(dgram, 'createSocket').mockImplementation(() => {
        throw new Error('a datagram socket was opened');
      }),
    );
    for (const [where, name] of [
      [dns, 'lookup'],
      [dns.promises, 'lookup'],
      ...(['resolve', 'resolve4', 'resolve6'] as const).flatMap((one) => [
        [dns, one] as const,
        [dns.promises, one] as const,
      ]),
    ] as unknown as [Record<string, (...args: unknown[]) => unknown>, string][]) {
      const real = where[name] as (...args: unknown[]) => unknown;
      this.#spies.push(
        jest.spyOn(where, name).mockImplementation((...args) => {
          this.asked.push(String(args[0]));
          return Reflect.apply(real, where, args);
        }),
      );
    }
  }

  end(): void {
    for (const spy of this.#spies) spy.mockRestore();
  }
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
/** The development resolver's own name; it is dialled at the address it stands for, and no name server is asked. */
const HERE = new Set([...LOOPBACK, UPSTREAM_HOST]);

test('P18: from the first start to the last, nothing dials anything but database, queue, itself and the upstream', async () => {
  const watch = new Watch();
  const upstream = new ScriptedUpstream();
  let upstreamPort = 0;
  upstream.on('/', ({ socket }, response) => {
    upstreamPort = socket.localPort ?? 0;
    response.end('{}');
  });
  const own = new Set<number>();
  const remember = (app: TestApp): void => Object.values(app.at).forEach((url) => own.add(Number(new URL(url).port)));
  const app = await startApp({ upstream: upstream.listener });
  try {
    remember(app);
    const tenant = await app.newTenant();
    const agent = await app.newAgent(tenant, 'scribe');
    await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: [agent] });
    expectStatus(await execute(agent, 'key'), 200);
    // Denied, so not dialled; refused, so not even parsed to the end.
    expectStatus(await execute(agent, 'key', { url: 'https://evil.example/' }), 403);
    expectStatus(await execute(agent, 'key', { url: 'https://169.254.169.254/' }), 400);
    expectStatus(await execute(agent, 'key', { url: `${UPSTREAM_URL}:22/` }), 403);
    expectStatus(await tenant.admin('POST', '/v1/credentials/key/rotate', { value: 'sk-live-another-value-0' }), 200);
    await app.app.get(SignCheckpoints, { strict: false }).execute();
    await app.app.get(SweepIntents, { strict: false }).execute();
    expectStatus(await tenant.admin('GET', '/v1/audit/verification'), 200);
    for (const page of ['/reference', '/openapi.json', '/.well-known/jwks.json']) await fetch(app.at.tenant + page);
    await app.restart();
    remember(app);
    expectStatus(await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
    // A new key begins a new session: what was denied above has cost this one its renewals.
    const again = new DpopAgent(app.at.tenant, agent.id, agent.apiKey);
    expectStatus(await again.token(), 200);
    expectStatus(await execute(again, 'key'), 200);
    expectStatus(await callerOn(app.at.tenant, tenant.key)('GET', '/v1/audit/entries'), 200);
  } finally {
    await app.close();
    watch.end();
  }
  const redis = process.env.REDIS_URL === undefined ? [] : [Number(new URL(process.env.REDIS_URL).port)];
  const allowed = new Set([Number(new URL(adminUrl()).port), upstreamPort, ...redis, ...own]);
  const strange = watch.dialled.filter(({ host, port }) => !HERE.has(host) || !allowed.has(Number(port)));
  expect(strange).toEqual([]);
  expect([...watch.reached].filter((address) => !LOOPBACK.has(address))).toEqual([]);
  expect(watch.asked.filter((name) => !LOOPBACK.has(name))).toEqual([]);
  // The watch saw what there was to see.
  for (const port of [Number(new URL(adminUrl()).port), upstreamPort, Number(new URL(app.at.tenant).port)])
    expect(watch.dialled.map((one) => Number(one.port))).toContain(port);
});

test('P18: the reference page names no other host', async () => {
  const app = await startApp();
  try {
    const page = await fetch(`${app.at.tenant}/reference`);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*/);
    const urls = (await page.text()).match(/(?:src|href)="[^"]*"/g) ?? [];
    expect(urls.filter((url) => /="(?:[a-z]+:)?\/\//i.test(url))).toEqual([]);
  } finally {
    await app.close();
  }
});
