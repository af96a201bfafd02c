import { createWriteStream } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HttpClient } from '@chancery/client/http.js';
import { SignCheckpoints } from '../audit/sign-checkpoints.js';
import type { EndSignals } from '../end-signals.js';
import { Vault } from '../keys/vault.js';
import { EmbeddedCluster } from '../platform/database/embedded-cluster.js';
import { PACKAGE_ROOT } from '../platform/package-root.js';
import { createLog } from '../platform/telemetry/logger.js';
import { type Chancery, startChancery } from '../start.js';
import { CLAIM } from './claim.js';
import { DemoUpstream } from './demo-upstream.js';
import { Door } from './doors.js';
import { quickstartConfig } from './environment.js';
import { printLaterStart, printNextSteps, printStoryEnd, printSurfaces } from './farewell.js';
import { holdPorts } from './free-ports.js';
import { furnish } from './furnish.js';
import { Narrator } from './narrator.js';
import type { QuickstartOptions } from './options.js';
import { shell } from './shell.js';
import { QuickstartFolder, type QuickstartState } from './state-file.js';
import { tellStory } from './story.js';

/** From the first line to the last, in a folder that is claimed; returns the exit code. */
export async function run(dir: string, options: QuickstartOptions, signals: EndSignals): Promise<number> {
  const narrator = new Narrator(options.verbose);
  const folder = new QuickstartFolder(path.join(dir, '.chancery'));
  if (options.reset) await forget(folder);
  const before = await folder.read();
  const upstream = await DemoUpstream.start(before === null ? DemoUpstream.newKey() : await demoKey(folder));
  await writeFile(folder.path('demo-ca.pem'), upstream.certificateAuthority);
  narrator.line('Starting PostgreSQL, migrations, the queue and three listeners…');
  const held = await holdPorts(portsOf(before));
  const config = quickstartConfig(folder, held.ports, upstream.port);
  const log = createLog({
    level: 'info',
    destination: createWriteStream(folder.path('chancery.log'), { flags: 'a', mode: 0o600 }),
  });
  const chancery = await startChancery({ config, log, beforeListening: () => held.release() });
  try {
    const state =
      before === null
        ? await firstStart(narrator, folder, chancery, upstream)
        : await laterStart(folder, chancery, before);
    if (before !== null) printLaterStart(narrator, chancery.app.get(Vault).state() !== 'unsealed');
    if (options.exit) {
      printStoryEnd(narrator, folder);
    } else {
      printNextSteps(narrator, state);
      printSurfaces(narrator, state, folder);
      await stayUp(dir, signals);
    }
  } finally {
    await chancery.close();
    await upstream.close();
  }
  return narrator.asTold ? 0 : 1;
}

/** Tenant, public and ops surface: the ports of last time, so that URLs go on working. */
function portsOf(before: QuickstartState | null): readonly number[] {
  if (before === null) return [0, 0, 0];
  return [before.tenantUrl, before.publicUrl, before.opsUrl].map((url) => Number(new URL(url).port));
}

async function firstStart(
  narrator: Narrator,
  folder: QuickstartFolder,
  chancery: Chancery,
  upstream: DemoUpstream,
): Promise<QuickstartState> {
  const say = (line: string): void => narrator.detail(line);
  const ops = new HttpClient({ baseUrl: chancery.urls.ops });
  const tenant = new HttpClient({ baseUrl: chancery.urls.tenant });
  const doors = { ops: new Door(ops, null, say), tenant: new Door(tenant, null, say) };
  try {
    const { state, masterPassword, doors: parties } = await furnish(chancery, doors, upstream);
    await writeFile(folder.path('demo-key'), upstream.key, { mode: 0o600 });
    await folder.write(state);
    narrator.line(`Master password, shown this once: ${masterPassword}`);
    narrator.line();
    const evidence = {
      tenant: parties.tenantKey,
      tenantId: state.tenantId,
      databaseUrl: state.databaseUrl,
      signCheckpoint: () =>
        chancery.app
          .get(SignCheckpoints)
          .execute()
          .then(() => undefined),
    };
    await tellStory(narrator, { state, masterPassword, upstream, doors: parties, evidence });
    return state;
  } finally {
    await ops.close();
    await tenant.close();
  }
}

/** Same data, same keys; the URLs may have moved. */
async function laterStart(
  folder: QuickstartFolder,
  { urls, adminUrl }: Chancery,
  before: QuickstartState,
): Promise<QuickstartState> {
  const { tenant, public: open, ops } = urls;
  const state = { ...before, tenantUrl: tenant, publicUrl: open, opsUrl: ops, databaseUrl: adminUrl ?? '' };
  await folder.write(state);
  return state;
}

async function demoKey(folder: QuickstartFolder): Promise<string> {
  return readFile(folder.path('demo-key'), 'utf8');
}

async function forget(folder: QuickstartFolder): Promise<void> {
  await EmbeddedCluster.remove(folder.path('postgres'));
  for (const name of await readdir(folder.dir)) {
    if (name !== CLAIM) await rm(folder.path(name), { recursive: true, force: true });
  }
}

/** In a terminal a prompt, otherwise until somebody ends it. */
async function stayUp(dir: string, signals: EndSignals): Promise<void> {
  const prompt = { dir, programs: path.join(PACKAGE_ROOT, 'node_modules/.bin'), signals };
  await (process.stdin.isTTY ? Promise.race([shell(prompt), signals.next()]) : signals.next());
}
