import { randomBytes } from 'node:crypto';
import type { Chancery } from '../start.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { ServiceKeys } from '../tenancy/service-keys.js';
import { SetUpPlatform } from '../tenancy/set-up-platform.js';
import { type Door, personOf, signIn } from './doors.js';
import { type DemoUpstream, UPSTREAM_HOST } from './demo-upstream.js';
import { type QuickstartState, WARNING } from './state-file.js';

export const CREDENTIAL = 'demo_key';
const NAMESPACE = 'demo';

export interface Furnished {
  readonly state: QuickstartState;
  /** Shown once, stored nowhere. */
  readonly masterPassword: string;
  readonly doors: { readonly owner: Door; readonly staff: Door; readonly tenantKey: Door; readonly opsKey: Door };
}

interface NewAgent {
  readonly id: string;
  readonly api_key: string;
}

/** The first start: staff, vault, tenant, agents and a credential, each through the product's own doors. */
export async function furnish(
  chancery: Chancery,
  doors: { readonly ops: Door; readonly tenant: Door },
  upstream: DemoUpstream,
): Promise<Furnished> {
  const first = await chancery.app.get(SetUpPlatform).firstStaff('operator@example.com');
  if (first === null)
    throw new Error('this database has an operator already, but no quickstart file; start over with -- --reset');
  const staff = personOf('platform', {
    email: first.row.email,
    password: first.password,
    otpauth_uri: first.otpauthUri,
  });
  const ops = await signIn(doors.ops, staff);
  const masterPassword = randomBytes(18).toString('base64url');
  await ops.post('/v1/vault/initialize', { password: masterPassword });
  const opsKey = await chancery.app
    .get(ServiceKeys)
    .create({ tenantId: PLATFORM_TENANT_ID, actor: 'system:quickstart' }, 'quickstart', 'admin');

  const created = await ops.post<{
    id: string;
    owner: { email: string; password: string; otpauth_uri: string };
    service_key: { key: string };
  }>('/v1/tenants', { namespace: NAMESPACE, name: 'Demonstration', owner_email: 'owner@example.com' });
  const member = personOf(NAMESPACE, created.owner);
  const tenant = doors.tenant.as(created.service_key.key);

  const scribe = await tenant.post<NewAgent>('/v1/agents', { name: 'scribe' });
  const intern = await tenant.post<NewAgent>('/v1/agents', { name: 'intern' });
  const owner = await signIn(doors.tenant, member);
  await owner.post(`/v1/agents/${scribe.id}/promote`, { tier: 'COMPANION', reason: 'quickstart' });
  await tenant.post('/v1/credentials', { name: CREDENTIAL, value: upstream.key, allowed_domains: [UPSTREAM_HOST] });
  for (const agent of [scribe, intern]) await tenant.put(`/v1/credentials/${CREDENTIAL}/grants/${agent.id}`);

  const state: QuickstartState = {
    warning: WARNING,
    tenantUrl: chancery.urls.tenant,
    publicUrl: chancery.urls.public,
    opsUrl: chancery.urls.ops,
    opsKey: opsKey.key,
    tenantId: created.id,
    tenantKey: created.service_key.key,
    member,
    staff,
    agents: {
      scribe: { id: scribe.id, apiKey: scribe.api_key, tier: 'COMPANION' },
      intern: { id: intern.id, apiKey: intern.api_key, tier: 'NOVICE' },
    },
    credential: CREDENTIAL,
    upstreamUrl: `https://${UPSTREAM_HOST}`,
    databaseUrl: chancery.adminUrl ?? '',
  };
  return { state, masterPassword, doors: { owner, staff: ops, tenantKey: tenant, opsKey: doors.ops.as(opsKey.key) } };
}
