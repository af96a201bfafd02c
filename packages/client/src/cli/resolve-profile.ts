import { usage } from './cli-error.js';
import type { Io } from './io.js';
import type { Profile, StoredProfile, Surface } from './profile.js';
import { serviceKeyKey, urlKey } from './profile.js';
import type { ProfileStore } from './profile-store.js';
import { findQuickstart, loadQuickstart, QUICKSTART_PROFILE } from './quickstart-file.js';
import { isPlatformKey } from './secret-form.js';

const DEFAULT_PROFILE = 'default';

export type ProfileFlags = { profile?: string | undefined; url?: string | undefined; opsUrl?: string | undefined };

/**
 * --profile, CHANCERY_PROFILE, the current profile, the quickstart's file, nothing: the first there is; then the
 * environment and the flags over it.
 */
export async function resolveProfile(io: Io, store: ProfileStore, flags: ProfileFlags): Promise<Profile> {
  const chosen = await chooseProfile(io, store, flags.profile ?? io.env.CHANCERY_PROFILE);
  const tenantUrl = flags.url ?? io.env.CHANCERY_URL;
  const opsUrl = flags.opsUrl ?? io.env.CHANCERY_OPS_URL;
  const profile =
    isElsewhere(chosen, 'tenant', tenantUrl) || isElsewhere(chosen, 'ops', opsUrl) ? blank(chosen) : chosen;
  if (tenantUrl) profile.tenant_url = tenantUrl;
  if (opsUrl) profile.ops_url = opsUrl;
  applyKeys(io, profile);
  return profile;
}

async function chooseProfile(io: Io, store: ProfileStore, wanted: string | undefined): Promise<Profile> {
  const file = await store.load();
  const name = wanted || file.current || undefined;
  const stored = name === undefined ? undefined : file.profiles[name];
  if (stored && name && name !== QUICKSTART_PROFILE) return { ...structuredClone(stored), name, keysFirst: false };
  if (name === undefined || name === QUICKSTART_PROFILE) {
    const path = await findQuickstart(io.cwd);
    if (path) return withKept(await loadQuickstart(path), file.profiles[QUICKSTART_PROFILE]);
  }
  return { name: name ?? DEFAULT_PROFILE, keysFirst: false };
}

/** What earlier commands kept for the same demonstration. */
function withKept(profile: Profile, stored: StoredProfile | undefined): Profile {
  if (stored && stored.tenant_url === profile.tenant_url) {
    if (stored.tenant_session) profile.tenant_session = stored.tenant_session;
    profile.agents = { ...stored.agents, ...profile.agents };
  }
  if (stored?.ops_session && stored.ops_url === profile.ops_url) profile.ops_session = stored.ops_session;
  return profile;
}

function isElsewhere(profile: Profile, surface: Surface, url: string | undefined): boolean {
  const known = profile[urlKey(surface)];
  return Boolean(url) && known !== undefined && !sameServer(known, url!);
}

/** For another server than the profile's own: keys belong to the server that gave them and go to no other. */
function blank(profile: Profile): Profile {
  const name = profile.name === QUICKSTART_PROFILE ? DEFAULT_PROFILE : profile.name;
  return { name, keysFirst: false };
}

function applyKeys(io: Io, profile: Profile): void {
  const { CHANCERY_KEY: key, CHANCERY_AGENT_ID: id, CHANCERY_AGENT_KEY: agentKey } = io.env;
  if (key) {
    const surface = isPlatformKey(key) ? 'ops' : 'tenant';
    profile[serviceKeyKey(surface)] = key;
    profile.keysFirst = true;
  }
  if (Boolean(id) !== Boolean(agentKey))
    throw usage('CHANCERY_AGENT_ID and CHANCERY_AGENT_KEY go together', 'set both');
  if (id && agentKey) profile.agents = { environment: { id, api_key: agentKey } };
}

function sameServer(a: string, b: string): boolean {
  try {
    return new URL(a).href.replace(/\/+$/, '') === new URL(b).href.replace(/\/+$/, '');
  } catch {
    return false;
  }
}
