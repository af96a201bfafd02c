import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { locateBinaries } from '../../src/platform/database/embedded/binaries.js';
import { clusterHome, ensureData } from '../../src/platform/database/embedded/home.js';
import { serverUser } from '../../src/platform/database/embedded/server-user.js';
import { alone } from './cluster.js';

const silent = (): void => undefined;

/** What a first start makes in `dir`, which takes a second: made once in a run, and then copied. Not started. */
export async function freshCluster(dir: string): Promise<void> {
  const user = serverUser();
  const model = clusterHome(path.join(String(process.env.CHANCERY_TEST_DIR), 'fresh-cluster'), user, silent);
  await alone(async () => ensureData(model, await locateBinaries(user, silent), user));
  const home = clusterHome(dir, user, silent);
  execFileSync('cp', ['-a', model.dataDir, home.dataDir]);
  copyFileSync(model.passwordFile, home.passwordFile);
}
