import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppModule } from '../../src/app.module.js';
import type { AuditEntry } from '@chancery/protocol/audit-entry.js';
import { AdministrativeActs } from '../../src/audit/administrative-acts.js';
import { readEntries } from '../../src/audit/audit.repository.js';
import { Clock, SystemClock } from '../../src/platform/clock.js';
import { mintKeyedToken } from '../../src/platform/crypto/keyed-token.js';
import { createHttpApp, type HttpApp } from '../../src/platform/http/bootstrap.js';
import type { Surface } from '../../src/platform/http/surface.js';
import { newUuid } from '../../src/platform/ids.js';
import { createLog } from '../../src/platform/telemetry/logger.js';
import { insertMember, insertMemberSession } from '../../src/tenancy/members.repository.js';
import type { MemberRole } from '../../src/tenancy/principal.js';
import { ServiceKeys } from '../../src/tenancy/service-keys.js';
import { cloneDatabase, openDatabase, type OpenDatabase, type TestDatabase } from './database.js';
import { newTenant } from './tenants.js';
import { testConfig } from './test-config.js';

/** The whole application on a database of its own, with a clock that a test may put forward. */
export interface IdentityApp {
  readonly app: HttpApp['app'];
  readonly at: Readonly<Record<Surface, string>>;
  readonly database: TestDatabase;
  readonly open: OpenDatabase;
  readonly clock: { aheadMs: number };
  close(): Promise<void>;
}

export async function startIdentity(env: Readonly<Record<string, string>> = {}): Promise<IdentityApp> {
  const database = await cloneDatabase();
  const open = openDatabase(database);
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-identity-'));
  const config = testConfig({
    CHANCERY_PLATFORM_SECRET_FILE: database.platformSecretFile,
    CHANCERY_KEYRING_DIR: path.join(dir, 'keyring'),
    CHANCERY_CHECKPOINT_FILE: path.join(dir, 'checkpoints.jsonl'),
    RATE_TOKEN_PER_MINUTE: '100000',
    ...env,
  });
  const http = await createHttpApp(AppModule.at(database.address), {
    config,
    log: createLog({ level: process.env.CHANCERY_TEST_LOG ?? 'silent', development: true }),
    secret: database.secret,
  });
  const clock = { aheadMs: 0 };
  jest.spyOn(http.app.get(Clock, { strict: false }), 'now').mockImplementation(() => Date.now() + clock.aheadMs);
  const at = await http.listen();
  const close = async () => {
    await http.close();
    await open.close();
    await database.drop();
    rmSync(dir, { recursive: true, force: true });
  };
  return { app: http.app, at, database, open, clock, close };
}

/** Somebody with a bearer token on one surface. */
export interface Caller {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the spec says what body it expects
  <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; body: T }>;
}

export function callerOn(baseUrl: string, token: string): Caller {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the spec says what body it expects
  return async <T>(method: string, target: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(baseUrl + target, {
      method,
      headers: {
        ...headers,
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: (text === '' ? null : JSON.parse(text)) as T };
  };
}

/** A tenant with a service key and a person whose second factor is fresh. */
export interface TestTenant {
  readonly id: string;
  readonly admin: Caller;
  readonly human: Caller;
}

export async function furnishedTenant(identity: IdentityApp, id?: string): Promise<TestTenant> {
  const tenantId = id ?? (await newTenant(identity.database, identity.open));
  const base = identity.at[id === undefined ? 'tenant' : 'ops'];
  const keys = new ServiceKeys(
    identity.open.tenants,
    identity.database.secret,
    new AdministrativeActs(identity.open.tenants, new SystemClock()),
    new SystemClock(),
  );
  const { key } = await keys.create({ tenantId, actor: 'system:test' }, 'test', 'admin');
  return {
    id: tenantId,
    admin: callerOn(base, key),
    human: callerOn(base, await signedIn(identity, tenantId, 'owner')),
  };
}

/** A person's session without the ceremony (and the second of Argon2) that leads to one. */
export async function signedIn(
  { database, open }: { readonly database: Pick<TestDatabase, 'secret'>; readonly open: OpenDatabase },
  tenantId: string,
  role: MemberRole,
  factorAgeMs = 0,
): Promise<string> {
  const [memberId, id] = [newUuid(), newUuid()];
  const macKey = database.secret.derive('api-key-mac');
  const { token, secretHash } = mintKeyedToken({ kind: 'ms', tenantId, id, macKey });
  const now = Date.now();
  const member = {
    id: memberId,
    email: `${randomUUID()}@example.com`,
    role,
    passwordHash: 'none',
    totpSecret: Buffer.alloc(20),
  };
  await open.tenants.inTenant(tenantId, async (tx) => {
    await insertMember(tx, { ...member, createdAt: new Date(now) });
    const times = {
      createdAt: new Date(now),
      expiresAt: new Date(now + 86_400_000 * 365),
      factorAt: new Date(now - factorAgeMs),
    };
    await insertMemberSession(tx, { id, memberId, secretHash, ...times });
  });
  return token;
}

/** The entries of a tenant's chain, oldest first. */
export async function entriesOf(identity: IdentityApp, tenantId: string): Promise<AuditEntry[]> {
  const page = { order: 'asc', limit: 1_000 } as const;
  const stored = await identity.open.tenants.inTenant(tenantId, (tx) => readEntries(tx, page));
  return stored.map(({ entry }) => entry);
}

/** Those about one agent. */
export async function entriesAbout(identity: IdentityApp, tenantId: string, agentId: string): Promise<AuditEntry[]> {
  const entries = await entriesOf(identity, tenantId);
  return entries.filter(({ details }) => (details as { agent?: string }).agent === agentId);
}
