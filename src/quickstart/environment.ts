import { type Config, loadConfig } from '../config/environment.js';
import { UPSTREAM_HOST } from './demo-upstream.js';
import type { QuickstartFolder } from './state-file.js';

/** The configuration of the demonstration: everything embedded, in one folder, on loopback. */
export function quickstartConfig(
  folder: QuickstartFolder,
  [tenant, open, ops]: readonly number[],
  upstreamPort: number,
): Config {
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
