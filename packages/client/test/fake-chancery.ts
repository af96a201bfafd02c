import { createHash, createPublicKey, verify } from 'node:crypto';
import { checkDpopProof } from '@chancery/protocol/dpop.js';
import { CODE_PERIOD_SECONDS, oneTimeCode } from '../src/cli/one-time-code.js';
import { FakeSurface, ok, problem, type Answer, type Asked } from './fake-surface.js';

export const AGENT_ID = `agt_${'a'.repeat(32)}`;
export const TENANT_KEY = `chy_sk_${secretBody(1)}`;
export const OPS_KEY = `chy_sk_${secretBody(0)}`;
export const AGENT_KEY = `chy_ak_${secretBody(1)}`;
export const TOTP_SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
export const OPS_TOTP_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
export const PASSWORD = 'correct horse battery staple';

type Surface = 'tenant' | 'ops';
type Session = { token: string; fresh: boolean };

function secretBody(tenantByte: number): string {
  return Buffer.concat([Buffer.alloc(16, tenantByte), Buffer.alloc(64, 7)]).toString('base64url');
}

/** A double of the server's wire contract, for the client's own tests: no database, no rules beyond what they need. */
export class FakeChancery {
  readonly tenant = new FakeSurface();
  readonly ops = new FakeSurface();
  readonly sessions: Record<Surface, Session[]> = { tenant: [], ops: [] };
  readonly brakes: Record<string, unknown>[] = [];
  vault: 'uninitialized' | 'sealed' | 'unsealed' = 'sealed';
  masterPassword = 'master';
  now = () => new Date();
  nonce = 'nonce-1';
  tokens = 0;
  revokedTokens = new Set<string>();
  refuseRenewals = false;
  readonly #seenKeys = new Set<string>();
  readonly #usedCodes = new Set<string>();
  readonly #jtis = new Set<string>();

  async start(): Promise<this> {
    for (const surface of ['tenant', 'ops'] as const) {
      await this[surface].start();
      this.#shared(surface);
    }
    this.#tenantRoutes();
    this.#opsRoutes();
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all([this.tenant.stop(), this.ops.stop()]);
  }

  /** As the quickstart writes it. */
  quickstartFile(): Record<string, unknown> {
    return {
      tenantUrl: this.tenant.url,
      publicUrl: this.tenant.url,
      opsUrl: this.ops.url,
      opsKey: OPS_KEY,
      tenantId: `ten_${'1'.repeat(32)}`,
      tenantKey: TENANT_KEY,
      member: { tenant: 'acme', email: 'ada@acme.test', password: PASSWORD, totpSecret: TOTP_SECRET },
      staff: { tenant: 'platform', email: 'op@platform.test', password: PASSWORD, totpSecret: OPS_TOTP_SECRET },
      agents: { helper: { id: AGENT_ID, apiKey: AGENT_KEY, tier: 'COMPANION' } },
      credential: 'demo_key',
    };
  }

  /** Who asks: undefined when nobody known. */
  who(surface: Surface, asked: Asked): { kind: 'service_key' | 'member'; session?: Session } | undefined {
    const token = /^Bearer (.+)$/.exec(asked.headers.authorization ?? '')?.[1];
    if (token === (surface === 'ops' ? OPS_KEY : TENANT_KEY)) return { kind: 'service_key' };
    const session = this.sessions[surface].find((one) => one.token === token);
    return session && { kind: 'member', session };
  }

  /** Routes that need somebody, or a person with a fresh factor. */
  guarded(surface: Surface, route: string, answer: (asked: Asked) => Answer, human = false): void {
    this[surface].on(route, (asked) => {
      const who = this.who(surface, asked);
      if (!who) return problem(401, 'unauthenticated');
      if (human && who.kind !== 'member') return problem(403, 'human_required');
      if (human && !who.session?.fresh) return problem(403, 'factor_stale');
      return answer(asked);
    });
  }

  #codeGood(surface: Surface, code: unknown): boolean {
    const secret = surface === 'ops' ? OPS_TOTP_SECRET : TOTP_SECRET;
    // As the server does: a code that was made just before its half minute ended is good.
    const good = [0, CODE_PERIOD_SECONDS].map((ago) =>
      oneTimeCode(secret, new Date(this.now().getTime() - ago * 1000)),
    );
    if (typeof code !== 'string' || !good.includes(code) || this.#usedCodes.has(`${surface} ${code}`)) return false;
    this.#usedCodes.add(`${surface} ${code}`);
    return true;
  }

  #shared(surface: Surface): void {
    const on = this[surface];
    const [namespace, email] = surface === 'ops' ? ['platform', 'op@platform.test'] : ['acme', 'ada@acme.test'];
    on.on('POST /v1/login', ({ json }) => {
      const known = (json.tenant ?? 'platform') === namespace && json.email === email && json.password === PASSWORD;
      if (!known || !this.#codeGood(surface, json.totp)) return problem(401, 'login_failed');
      const session = { token: `chy_ms_${surface}${this.sessions[surface].length}`, fresh: true };
      this.sessions[surface].push(session);
      const at = (minutes: number) => new Date(this.now().getTime() + minutes * 60_000).toISOString();
      const member = { id: 'mem_1', email, role: 'owner' };
      const tenant = { id: 'ten_1', namespace };
      return ok({ session_token: session.token, expires_at: at(720), factor_expires_at: at(5), member, tenant }, 201);
    });
    on.on('POST /v1/login/factor', (asked) => {
      const session = this.who(surface, asked)?.session;
      if (!session) return problem(401, 'unauthenticated');
      if (!this.#codeGood(surface, asked.json.totp)) return problem(401, 'login_failed');
      session.fresh = true;
      return ok({ factor_expires_at: new Date(this.now().getTime() + 300_000).toISOString() });
    });
    this.guarded(surface, 'POST /v1/logout', () => ({ status: 204 }));
    this.guarded(surface, 'GET /v1/whoami', (asked) => {
      const { kind } = this.who(surface, asked)!;
      return ok({
        kind,
        id: 'x_1',
        name: kind === 'member' ? email : 'main',
        role: 'admin',
        tenant: { id: 'ten_1', namespace },
        surface,
      });
    });
    on.on('GET /health/ready', () => ok({ status: 'ok', checks: { database: 'ok', queue: 'ok', vault: this.vault } }));
    this.guarded(surface, 'GET /v1/vault', () => ok({ state: this.vault }));
    this.guarded(surface, 'GET /v1/brakes', ({ query }) => {
      const mine = this.brakes.filter((brake) => (brake.scope === 'global') === (surface === 'ops'));
      return ok({ data: query.get('active') ? mine.filter((brake) => brake.active) : mine, next_cursor: null });
    });
    this.guarded(surface, 'POST /v1/brakes', ({ json }) => ok(this.brake(json), 201));
    const clear = ({ params, json }: Asked): Answer => {
      const brake = this.brakes.find((one) => one.id === params[0]);
      if (!brake) return problem(404, 'not_found');
      if (brake.scope === 'global' && json.confirm !== 'clear the global brake') return problem(400, 'invalid_request');
      return ok(Object.assign(brake, { active: false, cleared_at: '2026-11-22T08:00:00.000Z' }));
    };
    this.guarded(surface, 'POST /v1/brakes/:id/clear', clear, true);
  }

  brake(fields: Record<string, unknown>): Record<string, unknown> {
    const id = `brk_${String(this.brakes.length).padStart(32, '0')}`;
    const made = { activated_at: '2026-11-22T07:00:00.000Z', activated_by: 'mem_1', audit: { seq: 5, hash: 'f' } };
    const brake = { id, agent_id: null, credential_name: null, ...fields, active: true, ...made, cleared_at: null };
    this.brakes.push(brake);
    return brake;
  }

  #opsRoutes(): void {
    const open = (wanted: string, from: typeof this.vault) => (asked: Asked) => {
      if (this.vault !== from) return problem(409, 'vault_not_initialized');
      if (from === 'sealed' && asked.json.password !== wanted) return problem(403, 'wrong_password');
      this.masterPassword = String(asked.json.password);
      this.vault = 'unsealed';
      return ok({ state: this.vault });
    };
    this.guarded('ops', 'POST /v1/vault/unseal', (asked) => open(this.masterPassword, 'sealed')(asked), true);
    this.guarded('ops', 'POST /v1/vault/initialize', (asked) => open('', 'uninitialized')(asked), true);
    this.guarded('ops', 'POST /v1/vault/seal', () => {
      this.vault = 'sealed';
      return ok({ state: this.vault });
    });
  }

  /** The token endpoint answers again as it does of itself. */
  approve(): void {
    this.tenant.on('POST /oauth/token', (asked) => this.#token(asked));
  }

  #tenantRoutes(): void {
    const agent = {
      id: AGENT_ID,
      name: 'helper',
      tier: 'NOVICE',
      state: 'active',
      created_at: '2026-11-22T07:00:00.000Z',
    };
    this.guarded('tenant', 'GET /v1/agents', () => ok({ data: [agent], next_cursor: null }));
    this.guarded('tenant', 'GET /v1/agents/:id', () => ok(agent));
    this.guarded('tenant', 'POST /v1/agents', ({ json }) => ok({ ...agent, name: json.name, api_key: AGENT_KEY }, 201));
    this.guarded('tenant', 'POST /v1/agents/:id/promote', ({ json }) => ok({ ...agent, tier: json.tier }), true);
    this.guarded('tenant', 'POST /v1/agents/:id/suspend', () => ok({ ...agent, state: 'suspended' }));
    this.approve();
    this.tenant.on('POST /v1/credentials/:name/execute', (asked) => this.#execute(asked));
  }

  async #token(asked: Asked): Promise<Answer> {
    const basic = Buffer.from(asked.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
    const good = await this.#proof(asked, undefined);
    if (!good.ok) return this.#dpopRefusal(400, good.reason);
    if (basic !== `${AGENT_ID}:${AGENT_KEY}`) return { status: 401, json: { error: 'invalid_client' } };
    if (this.refuseRenewals && this.#seenKeys.has(good.jkt)) return { status: 400, json: { error: 'invalid_grant' } };
    this.#seenKeys.add(good.jkt);
    this.tokens += 1;
    const access_token = `at.${this.tokens}.${good.jkt}`;
    return { ...ok({ access_token, token_type: 'DPoP', expires_in: 3600 }), headers: { 'dpop-nonce': this.nonce } };
  }

  async #execute(asked: Asked): Promise<Answer> {
    const fault = await this.agentFault(asked);
    if (fault) return fault;
    const text = JSON.stringify({ saw: asked.json.request });
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'set-cookie': ['a=1', 'b=2'] };
    const audit = { seq: 7, hash: createHash('sha256').update(text).digest('hex') };
    return ok({ status: 203, headers, body: text, duration_ms: 12, redactions: 1, audit });
  }

  #dpopRefusal(status: number, reason: string): Answer {
    const error = reason === 'invalid_token' || reason === 'use_dpop_nonce' ? reason : 'invalid_dpop_proof';
    const headers = { 'www-authenticate': `DPoP error="${error}"`, 'dpop-nonce': this.nonce };
    return status === 400 ? { status, headers, json: { error } } : { ...problem(status, error), headers };
  }

  /** Why a request of the agent is refused, or undefined. The signature, the token and its key are really checked. */
  async agentFault(asked: Pick<Asked, 'method' | 'path' | 'headers'>): Promise<Answer | undefined> {
    const token = /^DPoP (.+)$/.exec(asked.headers.authorization ?? '')?.[1] ?? '';
    const good = await this.#proof(asked, token);
    if (!good.ok) return this.#dpopRefusal(401, good.reason);
    const [, , jkt] = token.split('.');
    return good.jkt !== jkt || this.revokedTokens.has(token) ? this.#dpopRefusal(401, 'invalid_token') : undefined;
  }

  async #proof(
    asked: Pick<Asked, 'method' | 'path' | 'headers'>,
    accessToken: string | undefined,
  ): Promise<{ ok: true; jkt: string } | { ok: false; reason: string }> {
    const result = await checkDpopProof({
      proof: String(asked.headers.dpop ?? ''),
      htm: asked.method,
      htu: this.tenant.url + asked.path,
      now: Math.floor(this.now().getTime() / 1000),
      nonce: (value) => value === this.nonce,
      verify: (_alg, jwk, input, signature) =>
        verify(null, input, createPublicKey({ key: jwk as never, format: 'jwk' }), signature),
      ...(accessToken === undefined ? {} : { accessToken }),
    });
    if (!result.ok) return result;
    if (this.#jtis.has(result.jtiHash)) return { ok: false, reason: 'replayed' };
    this.#jtis.add(result.jtiHash);
    return result;
  }
}
