import { ChanceryError } from './errors.js';
import type { Fetch } from './http.js';

export type ConnectOptions = {
  /** The tenant surface, e.g. `https://api.chancery.example`. Default: `CHANCERY_URL`. */
  url?: string | undefined;
  /** `agt_…`. Default: `CHANCERY_AGENT_ID`. */
  agentId?: string | undefined;
  /** `chy_ak_…`. Default: `CHANCERY_AGENT_KEY`. */
  apiKey?: string | undefined;
  /** What carries the requests; default the platform's. For a private CA on Node set `NODE_EXTRA_CA_CERTS` instead. */
  fetch?: Fetch | undefined;
  /** Allow http to hosts that are not loopback: keys then travel in the clear. Default false. */
  allowCleartext?: boolean | undefined;
  /** Called before each wait while a person has yet to approve the session (SACRED). Without it that is an error. */
  onPending?: (() => void) | undefined;
  /** How long to wait for that approval, in milliseconds; default 10 minutes. */
  approvalWaitMs?: number | undefined;
};

type Known = ConnectOptions & { url: string; agentId: string; apiKey: string };

const ENVIRONMENT = { url: 'CHANCERY_URL', agentId: 'CHANCERY_AGENT_ID', apiKey: 'CHANCERY_AGENT_KEY' } as const;

/**
 * What was not given, from the environment.
 * @throws ChanceryError `not_configured`, naming what is missing
 */
export function withEnvironment(options: ConnectOptions): Known {
  const env: Record<string, string | undefined> = globalThis.process?.env ?? {};
  const found = Object.entries(ENVIRONMENT).map(([name, variable]) => {
    const value = options[name as keyof typeof ENVIRONMENT] ?? env[variable];
    if (value) return [name, value] as const;
    throw new ChanceryError({ code: 'not_configured', status: 0, detail: `give ${name}, or set ${variable}` });
  });
  return { ...options, ...(Object.fromEntries(found) as Pick<Known, 'url' | 'agentId' | 'apiKey'>) };
}
