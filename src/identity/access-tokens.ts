import { createPublicKey, hash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { BoundedCache } from '@chancery/protocol/bounded-cache.js';
import { ed25519Jwk } from '@chancery/protocol/jwk.js';
import { errors, type JWTHeaderParameters, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { Clock } from '../platform/clock.js';
import { SurfaceOrigins } from '../platform/http/surface-origins.js';
import { publicId, storedId } from '../platform/ids.js';
import { SigningKeys } from '../tenancy/signing-keys.js';

/** RFC 9864: fully specified, where `EdDSA` would leave the curve open. */
export const TOKEN_ALG = 'Ed25519';
const TOKEN_TYPE = 'at+jwt';
export const TOKEN_LENGTH_MAX = 2_048;
const TOKENS_KEPT_MAX = 20_000;
const REQUIRED_CLAIMS = ['sub', 'client_id', 'tenant', 'sid', 'jti', 'iat', 'exp', 'scope', 'cnf'];

/** What an access token says. */
export interface AccessToken {
  readonly tenantId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly scopes: readonly string[];
  /** Thumbprint of the key it is bound to. */
  readonly jkt: string;
  readonly expiresAtMs: number;
}

/** One that is good, and its hash as proofs name it (RFC 9449 section 4.2). */
export interface ReadToken extends AccessToken {
  readonly ath: string;
}

/** Access tokens as JWT (RFC 9068), bound to a DPoP key (RFC 9449 section 6.1), by us and for us. */
@Injectable()
export class AccessTokens {
  /** By hash, so that a heap dump of the cache holds no token. */
  readonly #read = new BoundedCache<string, ReadToken>(TOKENS_KEPT_MAX);

  constructor(
    private readonly keys: SigningKeys,
    private readonly origins: SurfaceOrigins,
    private readonly clock: Clock,
  ) {}

  async issue(token: AccessToken): Promise<string> {
    const { kid, privateKey } = await this.keys.active('token');
    const origin = this.origins.main('tenant');
    const agent = publicId('agt', token.agentId);
    const claims = {
      client_id: agent,
      tenant: publicId('ten', token.tenantId),
      sid: publicId('ses', token.sessionId),
      scope: token.scopes.join(' '),
      cnf: { jkt: token.jkt },
    };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: TOKEN_ALG, typ: TOKEN_TYPE, kid })
      .setIssuer(origin)
      .setAudience(origin)
      .setSubject(agent)
      .setJti(randomUUID())
      .setIssuedAt(Math.floor(this.clock.now() / 1000))
      .setExpirationTime(Math.floor(token.expiresAtMs / 1000))
      .sign(privateKey);
  }

  /** Null for whatever is not a token of ours that is good now. Says nothing of its session. */
  async read(token: string): Promise<ReadToken | null> {
    if (token.length > TOKEN_LENGTH_MAX) return null;
    const ath = hash('sha256', token, 'base64url');
    const known = this.#read.get(ath);
    if (known !== undefined) return known.expiresAtMs > this.clock.now() ? known : null;
    const verified = await this.#verify(token);
    if (verified === null) return null;
    const read = { ath, ...verified };
    this.#read.set(ath, read);
    return read;
  }

  async #verify(token: string): Promise<AccessToken | null> {
    const origin = this.origins.main('tenant');
    try {
      const { payload } = await jwtVerify(token, (header) => this.#keyOf(header), {
        algorithms: [TOKEN_ALG],
        typ: TOKEN_TYPE,
        issuer: origin,
        audience: origin,
        requiredClaims: REQUIRED_CLAIMS,
        currentDate: new Date(this.clock.now()),
      });
      return tokenOf(payload);
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }

  async #keyOf({ kid }: JWTHeaderParameters) {
    const found = kid === undefined ? undefined : await this.keys.find('token', kid);
    if (found === undefined) throw new errors.JWKSNoMatchingKey();
    return createPublicKey({ key: { ...ed25519Jwk(found.publicKey) }, format: 'jwk' });
  }
}

/** Our own signature stands under it; a shape we do not write any more is an invalid token, not a fault. */
function tokenOf(payload: JWTPayload): AccessToken | null {
  const { sub, client_id: client, tenant, sid, scope, cnf, exp } = payload as JWTPayload & Record<string, unknown>;
  const tenantId = typeof tenant === 'string' ? storedId('ten', tenant) : undefined;
  const sessionId = typeof sid === 'string' ? storedId('ses', sid) : undefined;
  const agentId = typeof sub === 'string' && sub === client ? storedId('agt', sub) : undefined;
  const jkt = (cnf as { jkt?: unknown } | null)?.jkt;
  if (tenantId === undefined || sessionId === undefined || agentId === undefined) return null;
  if (typeof scope !== 'string' || typeof jkt !== 'string' || exp === undefined) return null;
  return { tenantId, agentId, sessionId, scopes: scope.split(' '), jkt, expiresAtMs: exp * 1000 };
}
