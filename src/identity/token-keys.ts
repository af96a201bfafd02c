import { Injectable } from '@nestjs/common';
import { ed25519Jwk } from '@chancery/protocol/jwk.js';
import { TIER_RULES, TIERS } from '@chancery/protocol/tiers.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { type PublishedKey, SIGNING_KEYS_CACHE_MS, SigningKeys } from '../tenancy/signing-keys.js';
import { TOKEN_ALG } from './access-tokens.js';

/** As long as the longest token lives, after the last node has learnt of the new key. */
export const TOKEN_KEY_OVERLAP_MS =
  Math.max(...TIERS.map((tier) => TIER_RULES[tier].tokenLifetimeSeconds)) * 1000 + 2 * SIGNING_KEYS_CACHE_MS;

/** The keys that sign access tokens. A retired one stays in the JWKS until no token by it can be alive. */
@Injectable()
export class TokenKeys {
  constructor(private readonly keys: SigningKeys) {}

  async jwks() {
    const published = await this.keys.published('token');
    return { keys: published.map(jwkOf) };
  }

  async rotate(principal: Principal) {
    return jwkOf(await this.keys.rotate('token', TOKEN_KEY_OVERLAP_MS, actorOf(principal)));
  }
}

function jwkOf({ kid, publicKey }: PublishedKey) {
  return { ...ed25519Jwk(publicKey), kid, use: 'sig', alg: TOKEN_ALG } as const;
}
