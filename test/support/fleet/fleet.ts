import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LocalKeyProvider } from '../../../src/keys/local-key-provider.js';
import { Secret } from '../../../src/platform/crypto/secret.js';
import { PLATFORM_TENANT_ID } from '../../../src/platform/ids.js';
import { type AppTenant, expectStatus, MASTER_PASSWORD, newTenant, storeCredential } from '../app.js';
import { cloneDatabase, FAST_PASSWORD_COST, openDatabase, type OpenDatabase, type TestDatabase } from '../database.js';
import { DpopAgent } from '../dpop-agent.js';
import { HostileUpstreams, UPSTREAM_HOST } from '../hostile-upstream.js';
import { type Caller, callerOn, signedIn } from '../identity.js';
import { ScriptedUpstream } from '../scripted-upstream.js';
import { NodeProcess } from './node-process.js';

export interface FleetNode {
  readonly process: NodeProcess;
  /** A member of staff on this node. */
  readonly staff: Caller;
}

export interface Cast {
  readonly agent: DpopAgent;
  readonly session: string;
  readonly credential: string;
}

/** Several nodes, each a process of its own, on one database, one keyring and one upstream. */
export class Fleet {
  readonly upstream = new ScriptedUpstream();
  readonly clock = { aheadMs: 0 };
  readonly nodes: FleetNode[] = [];
  #env: Readonly<Record<string, string>> = {};
  #count = 0;

  private constructor(
    readonly database: TestDatabase,
    readonly open: OpenDatabase,
    /** Keyring, checkpoints and what else the nodes keep outside the database. */
    readonly dir: string,
    private readonly upstreams: HostileUpstreams,
  ) {}

  static async start(count: number, nodeFlags: readonly string[] = []): Promise<Fleet> {
    const database = await cloneDatabase();
    const dir = mkdtempSync(path.join(tmpdir(), 'chancery-fleet-'));
    const fleet = new Fleet(database, openDatabase(database), dir, await HostileUpstreams.create());
    await fleet.#prepare();
    for (let i = 0; i < count; i += 1) await fleet.join({}, nodeFlags);
    return fleet;
  }

  async join(more: Readonly<Record<string, string>> = {}, nodeFlags: readonly string[] = []): Promise<FleetNode> {
    const own = { CHANCERY_CHECKPOINT_FILE: path.join(this.dir, `checkpoints-${this.nodes.length}`) };
    const process = await NodeProcess.start({ ...this.#env, ...own, ...more }, nodeFlags);
    const staff = callerOn(process.at.ops, await signedIn(this, PLATFORM_TENANT_ID, 'owner'));
    const node = { process, staff };
    this.nodes.push(node);
    await this.unseal(node);
    return node;
  }

  async unseal({ staff }: FleetNode): Promise<void> {
    expectStatus(await staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  }

  /** A tenant whose people work on this node. */
  newTenant({ process: { at }, staff }: FleetNode): Promise<AppTenant> {
    const { database, open, clock } = this;
    return newTenant({ at, staff, database, open, clock });
  }

  /** An agent that works on `node`, and a credential of its own, made where the tenant's people are. */
  async cast(tenant: AppTenant, { process }: FleetNode): Promise<Cast> {
    this.#count += 1;
    const made = await tenant.admin<{ id: string; api_key: string }>('POST', '/v1/agents', {
      name: `agent-${this.#count}`,
    });
    expectStatus(made, 201);
    const promotion = { tier: 'COMPANION', reason: 'test' };
    expectStatus(await tenant.human('POST', `/v1/agents/${made.body.id}/promote`, promotion), 200);
    const agent = new DpopAgent(process.at.tenant, made.body.id, made.body.api_key);
    expectStatus(await agent.token(), 200);
    const credential = `key-${this.#count}`;
    await storeCredential(tenant, credential, 'sk-live-0123456789abcdef', { grantTo: [agent] });
    const { body } = await tenant.admin<{ data: { id: string }[] }>('GET', `/v1/agents/${agent.id}/sessions`);
    return { agent, credential, session: String(body.data[0]?.id) };
  }

  async close(): Promise<void> {
    this.upstream.letGo();
    await Promise.all(this.nodes.map(({ process }) => process.end('SIGKILL')));
    await this.open.close();
    await this.upstreams.closeAll();
    await this.database.drop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const keyring = path.join(this.dir, 'keyring');
    const password = new Secret(Buffer.from(MASTER_PASSWORD));
    await new LocalKeyProvider({ directory: keyring, cost: FAST_PASSWORD_COST }).initialize(password);
    const { port } = await this.upstreams.https(this.upstream.listener);
    const ca = path.join(this.dir, 'upstream-ca.pem');
    writeFileSync(ca, this.upstreams.authority.certificate);
    const { host, pathname } = new URL(this.database.adminUrl);
    this.#env = {
      CHANCERY_ENV: 'test',
      CHANCERY_JOBS: 'off',
      TENANT_LISTEN: '127.0.0.1:0',
      PUBLIC_LISTEN: '127.0.0.1:0',
      OPS_LISTEN: '127.0.0.1:0',
      DATABASE_URL: `postgresql://${host}${pathname}`,
      CHANCERY_PLATFORM_SECRET_FILE: this.database.platformSecretFile,
      CHANCERY_KEYRING_DIR: keyring,
      CHANCERY_RESOLVE: `${UPSTREAM_HOST}=127.0.0.1:${port}`,
      CHANCERY_EXTRA_CA: ca,
      RATE_ADDRESS_PER_MINUTE: '1000000',
      RATE_PRINCIPAL_PER_MINUTE: '1000000',
      USES_PER_MINUTE: '1000000',
      OUTCOME_WAIT_MS: '10',
      RATE_TOKEN_PER_MINUTE: '100000',
    };
  }
}
