import { loadConfig, type Config } from '../../src/config/environment.js';

const anyPort = { TENANT_LISTEN: '127.0.0.1:0', PUBLIC_LISTEN: '127.0.0.1:0', OPS_LISTEN: '127.0.0.1:0' };

/** A configuration for tests: every listener on a free port of loopback, paths that a test replaces when it uses them. */
export function testConfig(env: Readonly<Record<string, string>> = {}): Config {
  return loadConfig({
    CHANCERY_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATABASE_URL: 'postgresql://127.0.0.1:1/unused',
    CHANCERY_PLATFORM_SECRET_FILE: '/nonexistent/platform-secret',
    CHANCERY_KEYRING_DIR: '/nonexistent/keyring',
    CHANCERY_CHECKPOINT_FILE: '/nonexistent/checkpoints',
    ...anyPort,
    ...env,
    ...('CHANCERY_EMBEDDED_DIR' in env && { DATABASE_URL: '' }),
  });
}
