import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LocalKeyProvider } from '../../../src/keys/local-key-provider.js';
import { PlatformSecret } from '../../../src/platform/crypto/platform-secret.js';
import { Secret } from '../../../src/platform/crypto/secret.js';
import { readDatabaseAddress } from '../../../src/platform/database/database-address.js';
import { ownPort } from '../own-ports.js';
import { rolePasswords } from '../../../src/platform/database/role-passwords.js';
import { PLATFORM_TENANT_ID } from '../../../src/platform/ids.js';
import { type AppTenant, type Doors, expectStatus, MASTER_PASSWORD, newTenant } from '../app.js';
import { FAST_PASSWORD_COST, openDatabase, type OpenDatabase } from '../database.js';
import { HostileUpstreams, UPSTREAM_HOST } from '../hostile-upstream.js';
import { type Caller, callerOn, signedIn } from '../identity.js';
import { queueEnv } from '../queue-env.js';
import { ChanceryProcess } from './chancery-process.js';
import { MortalCluster } from './mortal-cluster.js';

const JOBS_EVERY_MS = 250;
/** An upstream takes its time, so that calls are under way when somebody dies. */
const UPSTREAM_MS = { least: 50, most: 350 };

/** Application, worker and PostgreSQL as processes of their own, each of which may be killed, and an upstream that counts. */
export class CrashSite implements Doors {
  readonly clock = { aheadMs: 0 };
  /** How often the upstream was called, by the id in the path. */
  readonly upstreamCalls = new Map<string, number>();
  app!: ChanceryProcess;
  worker!: ChanceryProcess;
  staff!: Caller;

  private constructor(
    readonly dir: string,
    readonly cluster: MortalCluster,
    readonly database: { readonly secret: PlatformSecret },
    readonly open: OpenDatabase,
    readonly at: Doors['at'],
    private readonly upstreams: HostileUpstreams,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async create(more: Readonly<Record<string, string>> = {}, base = tmpdir()): Promise<CrashSite> {
    const dir = mkdtempSync(path.join(base, 'chancery-crash-'));
    chmodSync(dir, 0o711);
    const cluster = await MortalCluster.create(path.join(dir, 'postgres'));
    const secretFile = path.join(dir, 'platform-secret');
    const secret = await PlatformSecret.generateFile(secretFile);
    const keyring = path.join(dir, 'keyring');
    // The file says what the password costs, so an unseal after each of many kills may be cheap.
    const password = new Secret(Buffer.from(MASTER_PASSWORD));
    await new LocalKeyProvider({ directory: keyring, cost: FAST_PASSWORD_COST }).initialize(password);
    const upstreams = await HostileUpstreams.create();
    const ca = path.join(dir, 'upstream-ca.pem');
    writeFileSync(ca, upstreams.authority.certificate);
    const [tenant, open, ops] = [await ownPort(), await ownPort(), await ownPort()];
    const calls: { of: Map<string, number> } = { of: new Map() };
    const upstream = await upstreams.https((request, response) => {
      const call = (request.url ?? '/').slice(1);
      calls.of.set(call, (calls.of.get(call) ?? 0) + 1);
      const answerInMs = UPSTREAM_MS.least + Math.random() * (UPSTREAM_MS.most - UPSTREAM_MS.least);
      setTimeout(() => response.end('{}'), answerInMs);
    });
    const address = readDatabaseAddress(cluster.adminUrl);
    const site = new CrashSite(
      dir,
      cluster,
      { secret },
      openDatabase({ address, password: rolePasswords(secret) }),
      { tenant: `http://127.0.0.1:${tenant}`, public: `http://127.0.0.1:${open}`, ops: `http://127.0.0.1:${ops}` },
      upstreams,
      {
        CHANCERY_ENV: 'test',
        CHANCERY_JOBS: 'off',
        JOBS_EVERY_MS: String(JOBS_EVERY_MS),
        TENANT_LISTEN: `127.0.0.1:${tenant}`,
        PUBLIC_LISTEN: `127.0.0.1:${open}`,
        OPS_LISTEN: `127.0.0.1:${ops}`,
        DATABASE_URL: `postgresql://127.0.0.1:${address.port}/${address.database}`,
        CHANCERY_PLATFORM_SECRET_FILE: secretFile,
        CHANCERY_KEYRING_DIR: keyring,
        CHANCERY_CHECKPOINT_FILE: path.join(dir, 'checkpoints.jsonl'),
        CHANCERY_RESOLVE: `${UPSTREAM_HOST}=127.0.0.1:${upstream.port}`,
        CHANCERY_EXTRA_CA: ca,
        RATE_ADDRESS_PER_MINUTE: '1000000',
        RATE_PRINCIPAL_PER_MINUTE: '1000000',
        USES_PER_MINUTE: '1000000',
        OUTCOME_WAIT_MS: '10',
        RATE_TOKEN_PER_MINUTE: '100000',
        POOL_OPENS_PER_SECOND: '500',
        ...(await queueEnv()),
        ...more,
      },
    );
    calls.of = site.upstreamCalls;
    await site.startApp({ DATABASE_ADMIN_URL: cluster.adminUrl });
    await site.unseal();
    return site;
  }

  get checkpointFile(): string {
    return String(this.env.CHANCERY_CHECKPOINT_FILE);
  }

  async startApp(more: Readonly<Record<string, string>> = {}): Promise<void> {
    this.app = await ChanceryProcess.start('main', { ...this.env, ...more }, 'listening');
  }

  async startWorker(): Promise<void> {
    this.worker = await ChanceryProcess.start('worker', this.env, 'working');
  }

  /** Anew, with a fresh factor: the factor ages, and a restored database has forgotten sessions. */
  async signInStaff(): Promise<void> {
    this.staff = callerOn(this.at.ops, await signedIn(this, PLATFORM_TENANT_ID, 'owner'));
  }

  async unseal(): Promise<void> {
    await this.signInStaff();
    expectStatus(await this.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  }

  newTenant(): Promise<AppTenant> {
    return newTenant(this);
  }

  async close(): Promise<void> {
    await Promise.all([this.app?.kill(), this.worker?.kill()]);
    await this.open.close();
    await this.upstreams.closeAll();
    await this.cluster.remove();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
