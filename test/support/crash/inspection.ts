import type { AuditEntry } from '@chancery/protocol/audit-entry.js';
import { AdministrativeActs } from '../../../src/audit/administrative-acts.js';
import { readEntries, type StoredEntry } from '../../../src/audit/audit.repository.js';
import { ChainHeads } from '../../../src/audit/chain-heads.js';
import { SweepIntents } from '../../../src/audit/sweep-intents.js';
import { NodesWithLease } from '../../../src/brakes/nodes-with-lease.js';
import { createLog } from '../../../src/platform/telemetry/logger.js';
import { TestClock } from '../audit.js';
import type { Caller } from '../identity.js';
import type { CrashSite } from './crash-site.js';
import type { Crew, Deed, Traffic } from './traffic.js';

/** Longer than any deadline of the traffic, and the minute behind it. */
const AHEAD_MS = 600_000;
const isUse = ({ action }: AuditEntry): boolean => action === 'credential.use';

interface Found {
  readonly intents: number;
  readonly unknown: number;
}

/** Looks at a site after a crash. Every look goes on where the last one ended, and gives back what is wrong. */
export class Inspection {
  readonly #lookedAt = new Map<string, number>();
  readonly #log = createLog({ level: 'silent' });

  constructor(
    private readonly site: CrashSite,
    private readonly crews: readonly Crew[],
  ) {}

  /** What the job would do ten minutes later: every intent that lost its outcome reads `unknown`. */
  async sweep(): Promise<void> {
    const clock = new TestClock();
    clock.aheadMs = AHEAD_MS;
    const { tenants, services } = this.site.open;
    const acts = new AdministrativeActs(tenants, clock);
    const nodes = new NodesWithLease(tenants);
    await new SweepIntents(new ChainHeads(services), tenants, acts, clock, nodes, this.#log).execute();
  }

  /** P14, P3: the client's list against the chain's, and the upstream's against both. */
  async compare(traffic: Traffic, swept: boolean): Promise<Found & { readonly faults: unknown[] }> {
    const faults: unknown[] = [...traffic.wrong];
    const all = { intents: 0, unknown: 0 };
    const intended = new Map<string, number>();
    const bySeq = new Map<string, StoredEntry>();
    for (const { tenant } of this.crews) {
      const entries = await this.#since(tenant.id);
      const answered = new Set(entries.map(({ entry }) => entry.details.intent));
      for (const stored of entries) {
        bySeq.set(`${tenant.id}/${stored.entry.seq}`, stored);
        if (stored.entry.outcome === 'unknown') all.unknown += 1;
        if (!isUse(stored.entry) || stored.entry.outcome !== 'intent') continue;
        all.intents += 1;
        const call = callOf(stored.entry);
        intended.set(call, (intended.get(call) ?? 0) + 1);
        if (swept && !answered.has(stored.entry.seq)) faults.push({ 'an intent without any outcome': stored.entry });
      }
    }
    for (const [call, times] of intended) if (times > 1) faults.push({ 'intended more than once': call });
    for (const [call, times] of this.site.upstreamCalls) {
      if (times > 1) faults.push({ 'sent more than once': call });
      if (!intended.has(call)) faults.push({ 'an upstream call without an intent': call });
    }
    for (const use of [...traffic.acknowledged, ...traffic.cut]) {
      const there = bySeq.get(`${use.tenantId}/${use.seq}`);
      const same = there?.hash === use.hash && there.entry.actor === `agent:${use.agentId}` && isUse(there.entry);
      if (!same || callOf(there.entry) !== use.call) faults.push({ 'answered and lost': use, there });
    }
    for (const use of traffic.acknowledged) {
      if (!this.site.upstreamCalls.has(use.call)) faults.push({ 'acknowledged and never sent': use });
    }
    this.site.upstreamCalls.clear();
    return { ...all, faults };
  }

  /** Every chain and every checkpoint verifies, by the running application's own word. */
  async verify(): Promise<{ readonly faults: unknown[]; readonly checkpoints: number }> {
    const faults: unknown[] = [];
    let checkpoints = 0;
    for (const reader of [...this.crews.map(({ tenant }) => tenant.admin), this.site.staff]) {
      const { status, body } = await reader<{ verdict: string; checkpoints: { checked: number } }>(
        'GET',
        '/v1/audit/verification',
      );
      if (status !== 200 || body.verdict !== 'ok') faults.push(body);
      else checkpoints += body.checkpoints.checked;
    }
    return { faults, checkpoints };
  }

  /** P14: what was acknowledged is there; a repetition under the same key does nothing again. */
  async deeds(deeds: readonly Deed[]): Promise<unknown[]> {
    const faults: unknown[] = [];
    for (const { tenant } of this.crews) {
      const pages = ['/v1/agents', BRAKES_ON].map((path) => idsOf(tenant.admin, path));
      const [agents, brakes] = (await Promise.all(pages)) as [Set<string>, Set<string>];
      for (const deed of deeds.filter((one) => one.tenant === tenant)) {
        const here = deed.path === '/v1/agents' ? agents : brakes;
        if (deed.id !== null && !here.has(deed.id)) faults.push({ 'acknowledged and lost': deed });
      }
    }
    const known = deeds.filter(({ id }) => id !== null);
    for (const deed of [...known.slice(-2), ...deeds.filter(({ id }) => id === null)]) {
      const fault = await this.#repeat(deed);
      if (fault !== null) faults.push(fault);
    }
    return faults;
  }

  async #repeat({ tenant, path, body, key, id }: Deed): Promise<unknown> {
    const again = await tenant.admin('POST', path, body, { 'idempotency-key': key });
    const replayed = again.headers.get('idempotency-replayed') === 'true';
    const busy = again.status === 409 && again.body.code === 'idempotency_in_progress';
    // Acknowledged: the same answer without its secret, or (when the answer could not be kept) not again yet.
    if (id !== null && replayed && again.body.id === id && again.body.api_key === undefined) return null;
    if (id !== null && busy) return null;
    // Not acknowledged: done and answered, done and unanswered, or never begun.
    if (id === null && (busy || replayed || [200, 201].includes(again.status))) return null;
    return { 'repeated under its key': { path, body, id }, status: again.status, body: again.body };
  }

  async #since(tenantId: string): Promise<StoredEntry[]> {
    const afterSeq = this.#lookedAt.get(tenantId) ?? 0;
    const page = { afterSeq, order: 'asc', limit: 1_000_000 } as const;
    const entries = await this.site.open.tenants.inTenant(tenantId, (tx) => readEntries(tx, page));
    this.#lookedAt.set(tenantId, entries.at(-1)?.entry.seq ?? afterSeq);
    return entries;
  }
}

const BRAKES_ON = '/v1/brakes?active=true';

async function idsOf(reader: Caller, path: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let cursor = ''; ;) {
    const page = `${path}${path.includes('?') ? '&' : '?'}limit=200${cursor}`;
    const { body } = await reader<{ data: { id: string }[]; next_cursor: string | null }>('GET', page);
    for (const { id } of body.data) ids.add(id);
    if (body.next_cursor === null) return ids;
    cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
}

function callOf({ details }: AuditEntry): string {
  return typeof details.purpose === 'string' ? details.purpose : 'none';
}
