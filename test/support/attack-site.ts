import type { StoredEntry } from '../../src/audit/audit.repository.js';
import { readEntries } from '../../src/audit/audit.repository.js';
import { type AppTenant, startApp, storeCredential, type TestApp, type TestAppOptions } from './app.js';
import type { DpopAgent } from './dpop-agent.js';
import { HostileDns } from './hostile-dns.js';
import { HostileUpstreams, UPSTREAM_HOST } from './hostile-upstream.js';
import { ScriptedUpstream } from './scripted-upstream.js';

/** In every credential of the attacks, and nowhere else: what is found of it was leaked. */
export const SECRET = 'sk-live/0123+456789=abc&def~"quoted"';

/** Every name under it is asked of the hostile DNS, and has a certificate. */
export const DNS_DOMAIN = 'dns.test';

/** The whole application between an agent and hostile servers: one for a file of attacks. */
export interface AttackSite {
  readonly app: TestApp;
  readonly tenant: AppTenant;
  readonly agent: DpopAgent;
  /** Behind `UPSTREAM_URL`, and on `upstreamPort` of 127.0.0.1 for names of the hostile DNS. */
  readonly upstream: ScriptedUpstream;
  readonly upstreamPort: number;
  readonly upstreams: HostileUpstreams;
  readonly dns: HostileDns;
  /** Stores a credential with `SECRET` for the agent. */
  credential(name: string, more?: Readonly<Record<string, unknown>>, value?: string): Promise<void>;
  /** The last entries of the chain, newest first. */
  lastEntries(count: number): Promise<StoredEntry[]>;
  close(): Promise<void>;
}

export async function openAttackSite(options: TestAppOptions = {}): Promise<AttackSite> {
  const upstream = new ScriptedUpstream();
  const dns = await HostileDns.start();
  const upstreams = await HostileUpstreams.create([UPSTREAM_HOST, `*.${DNS_DOMAIN}`, '*.github.com', '*.b.github.com']);
  try {
    const { port } = await upstreams.https(upstream.listener);
    const env = { CHANCERY_DNS_SERVERS: dns.server, CHANCERY_DIAL_ALLOW: '127.0.0.1/32', ...options.env };
    const hosts = { [UPSTREAM_HOST]: `127.0.0.1:${port}`, ...options.hosts };
    const app = await startApp({ ...options, upstreams, env, hosts });
    const tenant = await app.newTenant();
    const agent = await app.newAgent(tenant, 'attacker', 'PARTNER');
    return {
      app,
      tenant,
      agent,
      upstream,
      upstreamPort: port,
      upstreams,
      dns,
      credential: (name, more = {}, value = SECRET) => storeCredential(tenant, name, value, { grantTo: [agent], more }),
      lastEntries: (limit) => app.open.tenants.inTenant(tenant.id, (tx) => readEntries(tx, { order: 'desc', limit })),
      close: async () => {
        upstream.letGo();
        await app.close();
        await dns.close();
      },
    };
  } catch (error) {
    await upstreams.closeAll();
    await dns.close();
    throw error;
  }
}
