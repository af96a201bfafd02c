import type { AppTenant } from './app.js';
import type { DpopAgent } from './dpop-agent.js';

/** Who uses what, in which session: what an act can take away from under a call. */
interface CallParts {
  readonly agent: DpopAgent;
  readonly session: string;
  readonly credential: string;
}

/** An act that ends the calls it concerns, and the reason their callers are told. */
interface CuttingAct {
  readonly act: string;
  readonly why: string;
  readonly cut: (it: CallParts) => Promise<{ status: number; body: unknown }>;
}

/** What takes a right away for good. The tenant is asked for late: tables are built before there is one. */
export function takingAway(tenant: () => AppTenant, reason: string): readonly CuttingAct[] {
  const post = (path: string, body: unknown) => tenant().admin('POST', path, body);
  const del = (path: string) => tenant().admin('DELETE', path);
  return [
    {
      act: 'suspending the agent',
      why: 'suspended',
      cut: ({ agent }) => post(`/v1/agents/${agent.id}/suspend`, { reason }),
    },
    {
      act: 'revoking the agent',
      why: 'session_ended',
      cut: ({ agent }) => post(`/v1/agents/${agent.id}/revoke`, { reason }),
    },
    {
      act: 'revoking the session',
      why: 'session_ended',
      cut: ({ session }) => post(`/v1/sessions/${session}/revoke`, { reason }),
    },
    {
      act: 'replacing the API key',
      why: 'session_ended',
      cut: ({ agent }) => post(`/v1/agents/${agent.id}/api-key`, {}),
    },
    {
      act: 'deleting the credential',
      why: 'deleted',
      cut: ({ credential }) => del(`/v1/credentials/${credential}`),
    },
    {
      act: 'taking the grant away',
      why: 'deleted',
      cut: ({ agent, credential }) => del(`/v1/credentials/${credential}/grants/${agent.id}`),
    },
  ];
}
