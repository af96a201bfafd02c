import { performance } from 'node:perf_hooks';
import { newUuid, publicId } from '../../src/platform/ids.js';
import { type AppTenant, expectStatus, storeCredential, type TestApp } from './app.js';
import { DpopAgent } from './dpop-agent.js';
import { signedIn } from './identity.js';
import { WebhookReceiver } from './webhook-receiver.js';

/** What came back, byte for byte. */
export interface Raw {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
  readonly ms: number;
}

export interface Asker {
  readonly who: string;
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Raw>;
}

/** A tenant with at least two of everything, and everybody who may call in its name. */
export interface Furnished {
  readonly tenant: AppTenant;
  readonly agents: readonly DpopAgent[];
  readonly askers: Readonly<Record<'admin' | 'auditor' | 'owner' | 'agent', Asker>>;
  /** By kind: what names something of this tenant. */
  readonly named: Readonly<Record<string, string>>;
}

/** Something of the same form that nobody has. */
export function nobodys(kind: string, theirs: string): string {
  const prefixed = /^([a-z]{3})_[0-9a-f]{32}$/.exec(theirs)?.[1];
  if (prefixed !== undefined) return publicId(prefixed as 'agt', newUuid());
  if (kind !== 'name' && kind !== 'credential_name' && kind !== 'tenant') throw new Error(`what is a ${kind}?`);
  return (
    theirs.slice(0, 1) +
    newUuid()
      .replaceAll('-', '')
      .slice(-(theirs.length - 1))
  );
}

async function raw(url: string, init: RequestInit): Promise<Raw> {
  const started = performance.now();
  const answer = await fetch(url, init);
  const text = await answer.text();
  return { status: answer.status, headers: [...answer.headers], text, ms: performance.now() - started };
}

const json = (body: unknown): Record<string, string> =>
  body === undefined ? {} : { 'content-type': 'application/json' };
const bodyOf = (body: unknown): string | null => (body === undefined ? null : JSON.stringify(body));

export const bearer = (who: string, base: string, token: string | undefined): Asker => ({
  who,
  send: (method, path, body, headers) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return raw(base + path, { method, headers: { ...json(body), ...authorization, ...headers }, body: bodyOf(body) });
  },
});

export const dpop = (who: string, agent: DpopAgent): Asker => ({
  who,
  send: (method, path, body, headers) => {
    const htu = agent.base + path;
    const accessToken = agent.accessToken ?? '';
    return withNonce(agent, async () => {
      const proof = await agent.proof({ htm: method, htu, accessToken });
      const sent = { ...json(body), authorization: `DPoP ${accessToken}`, dpop: proof, ...headers };
      return raw(htu, { method, headers: sent, body: bodyOf(body) });
    });
  },
});

/** A nonce holds for a minute or two: who asked for it long ago is told the next one, and asks again. */
async function withNonce(agent: DpopAgent, ask: () => Promise<Raw>): Promise<Raw> {
  const first = await ask();
  agent.nonce = first.headers.find(([name]) => name === 'dpop-nonce')?.[1] ?? agent.nonce;
  return first.text.includes('"use_dpop_nonce"') ? ask() : first;
}

/** An agent at the token endpoint: its own key and proof, under whatever `client_id` is in the form. */
export const client = (who: string, agent: DpopAgent): Asker => ({
  who,
  send: (method, path, body) => {
    const htu = agent.base + path;
    const form = new URLSearchParams({ client_secret: agent.apiKey, ...(body as Record<string, string>) });
    return withNonce(agent, async () =>
      raw(htu, { method, headers: { dpop: await agent.proof({ htm: method, htu }) }, body: form }),
    );
  },
});

export async function furnish(app: TestApp): Promise<Furnished> {
  const tenant = await app.newTenant();
  const agents = [await app.newAgent(tenant, 'first'), await app.newAgent(tenant, 'second')];
  const [first, second] = agents as [DpopAgent, DpopAgent];
  const braked = await app.newAgent(tenant, 'braked', 'NOVICE');
  const again = new DpopAgent(first.base, first.id, first.apiKey);
  expectStatus(await again.token(), 200);
  const names = [`c${newUuid().replaceAll('-', '')}`, `c${newUuid().replaceAll('-', '')}`] as const;
  for (const name of names) await storeCredential(tenant, name, 'sk-live-0123456789abcdef', { grantTo: agents });
  const made = async (body: unknown, route: string): Promise<Record<string, string>> => {
    const answer = await tenant.admin<Record<string, string>>('POST', route, body);
    expectStatus(answer, 201);
    return answer.body;
  };
  const auditor = await made({ name: 'auditor', role: 'auditor' }, '/v1/service-keys');
  const brake = await made({ scope: 'agent', agent_id: braked.id, reason: 'test' }, '/v1/brakes');
  await made({ scope: 'credential', credential_name: names[1], reason: 'test' }, '/v1/brakes');
  const ask = (credential: string) =>
    first.call('POST', '/v1/access-requests', {}, { credential_name: credential, reason: 'test' });
  const [asked, askedToo] = [await ask(names[0]), await ask(names[1])];
  for (const answer of [asked, askedToo]) expectStatus(answer, 201);
  // Told at once, so that nothing of it moves any more while strangers ask.
  const hooks = [await WebhookReceiver.register(tenant, '/'), await WebhookReceiver.register(tenant, '/')] as const;
  for (const hook of [hooks[1], hooks[0], hooks[0]]) {
    await made({}, `/v1/webhooks/${hook.id}/test`);
    await hook.newestIs('delivered');
  }
  const [delivery] = await hooks[0].deliveries();
  const idsAt = async (path: string): Promise<string> => {
    const { body } = await tenant.admin<{ data: { id: string }[] }>('GET', path);
    return body.data[0]?.id ?? '';
  };
  const owner = await signedIn(app, tenant.id, 'owner');
  return {
    tenant,
    agents,
    askers: {
      admin: bearer('service key (admin)', app.at.tenant, tenant.key),
      auditor: bearer('service key (auditor)', app.at.tenant, auditor.key),
      owner: bearer('owner', app.at.tenant, owner),
      agent: dpop('agent', second),
    },
    named: {
      agt: first.id,
      ses: await idsAt(`/v1/agents/${first.id}/sessions`),
      mem: await idsAt('/v1/members'),
      key: auditor.id ?? '',
      brk: brake.id ?? '',
      whk: hooks[0].id,
      dlv: delivery?.id ?? '',
      apr: String(asked.body.id),
      name: names[0],
      credential_name: names[0],
      tenant: tenant.namespace,
      client_id: first.id,
    },
  };
}
