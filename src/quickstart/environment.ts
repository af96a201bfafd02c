import { type Config, loadConfig } from '../config/environment.js';
import { UPSTREAM_HOST } from './demo-upstream.js';
import { freePorts, isFree } from './free-ports.js';
import type { QuickstartFolder, QuickstartState } from './state-file.js';

/** The configuration of the demonstration: everything embedded, in one folder, on loopback; the ports of last time when they are free. */
export async function quickstartConfig(
  folder: QuickstartFolder,
  before: QuickstartState | null,
  upstreamPort: number,
): Promise<Config> {
  const [tenant, open, ops] = await listenPorts(before);
  return loadConfig({
    CHANCERY_ENV: 'development',
    LOG_LEVEL: 'info',
    TENANT_LISTEN: `127.0.0.1:${tenant}`,
    PUBLIC_LISTEN: `127.0.0.1:${open}`,
    OPS_LISTEN: `127.0.0.1:${ops}`,
    CHANCERY_EMBEDDED_DIR: folder.path('postgres'),
    CHANCERY_PLATFORM_SECRET_FILE: folder.path('platform-secret'),
    CHANCERY_KEYRING_DIR: folder.path('keyring'),
    CHANCERY_CHECKPOINT_FILE: folder.path('checkpoints.jsonl'),
    CHANCERY_RESOLVE: `${UPSTREAM_HOST}=127.0.0.1:${upstreamPort}`,
    CHANCERY_EXTRA_CA: folder.path('demo-ca.pem'),
  });
}

async function listenPorts(before: QuickstartState | null): Promise<number[]> {
  if (before === null) return freePorts(3);
  const known = [before.tenantUrl, before.publicUrl, before.opsUrl].map((url) => Number(new URL(url).port));
  const free = await Promise.all(known.map(isFree));
  return free.every(Boolean) ? known : freePorts(3);
}
