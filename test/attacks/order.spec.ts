import { OpenVersion } from '../../src/credentials/open-version.js';
import { expectStatus, MASTER_PASSWORD, type TestApp } from '../support/app.js';
import { attack } from '../support/attack-report.js';
import { type AttackSite, openAttackSite, SECRET } from '../support/attack-site.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import { DOORS } from '../support/use-doors.js';

jest.setTimeout(300_000);

const reason = 'test';
let site: AttackSite;
let braked: DpopAgent;
let decrypted: jest.SpyInstance;
beforeAll(async () => {
  site = await openAttackSite({}, 'PARTNER');
  braked = await site.app.newAgent(site.tenant, 'braked', 'PARTNER');
  await site.credential('free');
  await site.credential('high', { minimum_tier: 'GUARDIAN' });
  for (const name of ['free', 'high'])
    expectStatus(await site.tenant.admin('PUT', `/v1/credentials/${name}/grants/${braked.id}`), 200);
  const brake = await site.tenant.admin('POST', '/v1/brakes', { scope: 'agent', agent_id: braked.id, reason });
  expectStatus(brake, 201);
  decrypted = jest.spyOn(site.app.app.get(OpenVersion, { strict: false }), 'execute');
});
afterAll(() => site?.close());

const seal = async ({ staff }: TestApp, on: boolean): Promise<void> =>
  expectStatus(
    on
      ? await staff('POST', '/v1/vault/seal', { reason })
      : await staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }),
    200,
  );

/** In the order of the design: the first of a subset is the answer. */
const FAULTS = [
  ['brake', 403, 'brake_active'],
  ['tier', 403, 'tier_too_low'],
  ['seal', 503, 'vault_sealed'],
  ['domain', 403, 'domain_not_allowed'],
] as const;
type Fault = (typeof FAULTS)[number][0];

for (const door of DOORS)
  for (let subset = 0; subset < 2 ** FAULTS.length; subset += 1) {
    const faults: readonly Fault[] = FAULTS.filter((_, bit) => (subset & (1 << bit)) !== 0).map(([fault]) => fault);
    attack('42', door.name, faults.length === 0 ? 'none of them' : faults.join(', '), async (saw) => {
      const has = (fault: Fault): boolean => faults.includes(fault);
      if (has('seal')) await seal(site.app, true);
      decrypted.mockClear();
      try {
        const before = (await site.lastEntries(1))[0]?.entry.seq ?? 0;
        const agent = has('brake') ? braked : site.agent;
        const asked = { url: has('domain') ? 'https://evil.example/' : `https://${H}/` };
        const seen = saw(await door.use(agent, has('tier') ? 'high' : 'free', asked));
        const expected = FAULTS.find(([fault]) => has(fault));
        expect([seen.status, seen.code]).toEqual(expected === undefined ? [200, null] : expected.slice(1));
        // Its outcome comes behind the answer, and must not be taken for the next one's entry.
        if (expected === undefined) return void (await site.outcomeOf(seen.seq));
        // One entry, with the same code; and nothing was decrypted.
        const entries = (await site.lastEntries(4))
          .map(({ entry }) => entry)
          .filter(({ seq, action }) => seq > before && action === 'credential.use');
        expect(entries).toMatchObject([{ seq: seen.seq, outcome: 'denied', details: { code: seen.code } }]);
        expect(decrypted).not.toHaveBeenCalled();
      } finally {
        if (has('seal')) await seal(site.app, false);
      }
    });
  }

for (const door of DOORS)
  attack('35', door.name, 'a foreign host, of two credentials bound to different domains', async (saw) => {
    await site.credential(`one_${door.name}`, { allowed_domains: ['one.example.com'] });
    await site.credential(`two_${door.name}`, { allowed_domains: ['*.two.example.org'], ports: [8443] });
    const told = [];
    for (const name of ['one', 'two']) {
      const seen = saw(await door.use(site.agent, `${name}_${door.name}`, { url: 'https://three.example.net/' }));
      const { request_id: _, audit: __, ...problem } = JSON.parse(seen.body.toString()) as Record<string, unknown>;
      told.push([seen.status, problem]);
      expect(JSON.stringify([seen.headers, problem])).not.toMatch(/one\.example|two\.example|8443|upstream/);
    }
    expect(told[1]).toEqual(told[0]);
  });

for (const door of DOORS)
  for (const [code, more, asked] of [
    ['request_method_not_allowed', { methods: ['PUT'] }, { method: 'DELETE' }],
    ['path_not_allowed', { path_prefixes: ['/hidden/place'] }, {}],
    ['placement_not_allowed', { placements: ['query'] }, {}],
  ] as const)
    attack('35', door.name, `what ${code} tells of the binding`, async (saw) => {
      const name = `${code}_${door.name}`;
      await site.credential(name, more, SECRET);
      const seen = saw(await door.use(site.agent, name, { url: `https://${H}/`, ...asked }));
      expect(seen).toMatchObject({ status: 403, code });
      expect(seen.body.toString()).not.toMatch(/PUT|hidden|query|upstream\.test/);
    });
