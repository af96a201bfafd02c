export type Surface = 'tenant' | 'ops';

export type StoredSession = {
  token: string;
  expires_at: string;
  factor_expires_at: string;
  email: string;
  /** The tenant's namespace. */
  tenant: string;
};

export type StoredAgent = { id: string; api_key: string };

/** One entry of profiles.json. */
export type StoredProfile = {
  tenant_url?: string;
  ops_url?: string;
  extra_ca_file?: string;
  tenant_session?: StoredSession;
  ops_session?: StoredSession;
  service_key?: string;
  ops_key?: string;
  agents?: Record<string, StoredAgent>;
};

/** Who signs in by itself in a demonstration: the quickstart's people, one-time-code secret included. */
export type DemoPerson = { tenant: string; email: string; password: string; totpSecret: string };

/** What a command works with: a stored profile, the quickstart's file or the environment, put together. */
export type Profile = StoredProfile & {
  name: string;
  /** The demonstration's keys authenticate before its people do. */
  keysFirst: boolean;
  demoMember?: DemoPerson;
  demoStaff?: DemoPerson;
};

export const urlKey = (surface: Surface) => (surface === 'ops' ? 'ops_url' : 'tenant_url');
export const sessionKey = (surface: Surface) => (surface === 'ops' ? 'ops_session' : 'tenant_session');
export const serviceKeyKey = (surface: Surface) => (surface === 'ops' ? 'ops_key' : 'service_key');
