import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isLoopbackHost } from '../base-url.js';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-codes.js';
import type { DemoPerson, Profile } from './profile.js';

export const QUICKSTART_PROFILE = 'quickstart';

type QuickstartFile = {
  tenantUrl: string;
  opsUrl: string;
  opsKey: string;
  tenantKey: string;
  member?: DemoPerson;
  staff?: DemoPerson;
  agents?: Record<string, { id: string; apiKey: string }>;
};

/** The nearest `.chancery/quickstart.json`, from the working directory upwards. */
export async function findQuickstart(cwd: string): Promise<string | undefined> {
  for (let dir = cwd; ; dir = dirname(dir)) {
    const path = join(dir, '.chancery', 'quickstart.json');
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return path;
    if (dir === dirname(dir)) return undefined;
  }
}

/**
 * The quickstart's file as a profile. A file that came with somebody else's folder could aim commands, and what is
 * typed into them, at a stranger's server: so it must be this user's, closed to others, and name loopback only.
 */
export async function loadQuickstart(path: string): Promise<Profile> {
  const refuse = (what: string) =>
    new CliError('quickstart', `${path} ${what}`, 'name a profile with --profile, or a server with --url', EXIT.usage);
  const { uid, mode } = await stat(path);
  const me = process.getuid?.();
  if (me !== undefined && uid !== me) throw refuse('belongs to another user and is not used');
  if (me !== undefined && (mode & 0o077) !== 0)
    throw refuse('is open to other users (mode 0600 expected) and is not used');
  let file: QuickstartFile;
  try {
    file = JSON.parse(await readFile(path, 'utf8')) as QuickstartFile;
    for (const url of [file.tenantUrl, file.opsUrl]) {
      if (!isLoopbackHost(new URL(url).hostname)) throw refuse('names a server on another machine and is not used');
    }
  } catch (error) {
    throw error instanceof CliError ? error : refuse('is not a quickstart file');
  }
  const agents = Object.entries(file.agents ?? {}).map(([name, a]) => [name, { id: a.id, api_key: a.apiKey }] as const);
  return {
    name: QUICKSTART_PROFILE,
    keysFirst: true,
    tenant_url: file.tenantUrl,
    ops_url: file.opsUrl,
    service_key: file.tenantKey,
    ops_key: file.opsKey,
    agents: Object.fromEntries(agents),
    ...(file.member ? { demoMember: file.member } : {}),
    ...(file.staff ? { demoStaff: file.staff } : {}),
  };
}
