import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { RouteOptions } from 'fastify';
import { SURFACES, surfaceOf, type Surface } from './surface.js';

/**
 * A find-my-way constraint strategy. Its stores map a surface to a bit mask of handlers; a route on two surfaces has
 * the value `['tenant', 'ops']` and sets its bit under both.
 */
export const surfaceConstraint = {
  name: 'surface',
  validate(value: unknown): void {
    assert(
      Array.isArray(value) && value.length > 0 && value.every((item) => SURFACES.includes(item)),
      'unknown surface',
    );
  },
  storage() {
    const masks = new Map<Surface, number>();
    return {
      // Asked with a list while the store is built (and `set` adds to what is there), with one surface while routing.
      get: (surface: Surface | readonly Surface[]) =>
        typeof surface === 'string' ? (masks.get(surface) ?? null) : null,
      set: (surfaces: readonly Surface[], mask: number) => {
        for (const surface of surfaces) masks.set(surface, (masks.get(surface) ?? 0) | mask);
      },
      del: (surfaces: readonly Surface[]) => surfaces.forEach((surface) => masks.delete(surface)),
      empty: () => masks.clear(),
    };
  },
  deriveConstraint: (request: IncomingMessage): Surface | undefined => surfaceOf(request),
  mustMatchWhenDerived: false,
};

/**
 * For Fastify's `onRoute`: a route stands on a surface, and no other route stands in its place there. The router would
 * compare lists of surfaces as a whole and let `['tenant', 'ops']` and `['ops']` shadow each other.
 */
export function assertOwnSurface(): (route: RouteOptions) => void {
  const taken = new Set<string>();
  return ({ method, url, constraints }) => {
    const { surface } = (constraints ?? {}) as { surface?: readonly Surface[] };
    if (!surface) throw new Error(`${String(method)} ${url} stands on no surface: put @OnSurface(…) on its controller`);
    for (const name of surface) {
      const place = `${String(method)} ${url} on ${name}`;
      if (taken.has(place)) throw new Error(`two routes want to be ${place}`);
      taken.add(place);
    }
  };
}
