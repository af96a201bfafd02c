import type { FastifyReply, FastifyRequest } from 'fastify';
import { rateLimited } from './http.errors.js';
import { clientNetwork } from './client-network.js';
import { routeSettings, settingsOf } from './route-config.js';
import { TokenBuckets, WINDOW_SECONDS, type Take } from './token-buckets.js';

export type RatesPerMinute = Readonly<{ address: number; principal: number; login: number; token: number }>;

/** Method decorator: counted by a stricter limit of its own, besides the general one. */
export const RateLimited = (rate: 'login' | 'token'): MethodDecorator => routeSettings({ rate });

/** Counts by client address before anybody is known, by principal once one is. Per process: a flood limit, no quota. */
export class RateLimits {
  private readonly buckets: Readonly<Record<keyof RatesPerMinute, TokenBuckets>>;

  constructor(
    perMinute: RatesPerMinute,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.buckets = {
      address: new TokenBuckets(perMinute.address),
      principal: new TokenBuckets(perMinute.principal),
      login: new TokenBuckets(perMinute.login),
      token: new TokenBuckets(perMinute.token),
    };
  }

  /** Throws 429 `rate_limited`. */
  countAddress(request: FastifyRequest, reply: FastifyReply): void {
    const network = clientNetwork(request.ip);
    this.take('address', network, reply);
    const { rate } = settingsOf(request);
    if (rate) this.take(rate, network, reply);
  }

  /** Throws 429 `rate_limited`. */
  countPrincipal(principal: string, reply: FastifyReply): void {
    this.take('principal', principal, reply);
  }

  private take(name: keyof RatesPerMinute, key: string, reply: FastifyReply): void {
    const bucket = this.buckets[name];
    const taken = bucket.take(key, this.nowMs());
    void reply.headers(headersOf(name, bucket.perWindow, taken));
    if (!taken.allowed) throw rateLimited(taken.resetSeconds);
  }
}

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ */
const headersOf = (name: string, quota: number, { remaining, resetSeconds }: Take) => ({
  'RateLimit-Policy': `"${name}";q=${quota};w=${WINDOW_SECONDS}`,
  RateLimit: `"${name}";r=${remaining};t=${resetSeconds}`,
});
