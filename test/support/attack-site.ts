import type { StoredEntry } from '../../src/audit/audit.repository.js';
import { readEntries } from '../../src/audit/audit.repository.js';
import { type AppTenant, startApp, storeCredential, type TestApp, type TestAppOptions } from './app.js';
import type { DpopAgent } from './dpop-agent.js';
import { eventually } from './eventually.js';
import { HostileDns } from './hostile-dns.js';
import { HostileUpstreams, UPSTREAM_HOST } from './hostile-upstream.js';
import { judgeNobody } from './judge-nobody.js';
import { ScriptedUpstream } from './scripted-upstream.js';

/** In every credential of the attacks, and nowhere else: what is found of it was leaked. */
export const SECRET = 'sk-live/0123+456789=abc&def~"quoted"';

/** An outcome is written behind its answer, and not far behind. */
const OUTCOME_WITHIN = 8;

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
  /** The outcome of the use that this intent began, once it is in the chain. */
  outcomeOf(intent: number | undefined): Promise<StoredEntry['entry']>;
  /** The last entries of the chain, newest first. */
  lastEntries(count: number): Promise<StoredEntry[]>;
  close(): Promise<void>;
}

export async function openAttackSite(options: TestAppOptions = {}, tier = 'GUARDIAN'): Promise<AttackSite> {
  const upstream = new ScriptedUpstream();
  const dns = await HostileDns.start();
  const upstreams = await HostileUpstreams.create([UPSTREAM_HOST, `*.${DNS_DOMAIN}`, '*.github.com', '*.b.github.com']);
  try {
    const { port } = await upstreams.https(upstream.listener);
    // No jobs, and nobody who watches its behaviour: what they find out about an attacker would come between its attacks.
    const own = { CHANCERY_DNS_SERVERS: dns.server, CHANCERY_DIAL_ALLOW: '127.0.0.1/32', CHANCERY_JOBS: 'off' };
    const env = { ...own, ...options.env };
    const hosts = { [UPSTREAM_HOST]: `127.0.0.1:${port}`, ...options.hosts };
    const app = await startApp({ ...options, upstreams, env, hosts });
    judgeNobody(app.app);
    const tenant = await app.newTenant();
    const agent = await app.newAgent(tenant, 'attacker', tier);
    const site: AttackSite = {
      app,
      tenant,
      agent,
      upstream,
      upstreamPort: port,
      upstreams,
      dns,
      credential: (name, more = {}, value = SECRET) => storeCredential(tenant, name, value, { grantTo: [agent], more }),
      outcomeOf: async (intent) => {
        const find = (entries: readonly StoredEntry[]) =>
          entries.find(({ entry }) => entry.details.intent === intent && entry.action.endsWith('.outcome'))?.entry;
        const found = await eventually(
          async () => find(await site.lastEntries(OUTCOME_WITHIN)),
          (outcome) => outcome !== undefined,
        );
        return found as StoredEntry['entry'];
      },
      lastEntries: (limit) => app.open.tenants.inTenant(tenant.id, (tx) => readEntries(tx, { order: 'desc', limit })),
      close: async () => {
        upstream.letGo();
        await app.close();
        await dns.close();
      },
    };
    return site;
  } catch (error) {
    await upstreams.closeAll();
    await dns.close();
    throw error;
  }
}
