import { Buckets } from '../telemetry/buckets.js';
import type { Labels } from '../telemetry/metrics.js';
import type { Surface } from './surface.js';

const BOUNDS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];
const MS_PER_SECOND = 1_000;
const CLASSES = 6;

/** A route as the router has it; one object for all of its requests. */
export interface TimedRoute {
  readonly url: string;
  readonly method: string | readonly string[];
}

/** What matched no route, all of it together: a path that somebody made up is no label. */
const NO_ROUTE: TimedRoute = { url: 'none', method: 'none' };

interface Timed {
  readonly surface: Surface | 'none';
  readonly route: TimedRoute;
  /** By the first digit of the status. */
  readonly byClass: (Buckets | undefined)[];
}

/** How long requests took, by surface, route and class of status. */
export class RequestTimes {
  readonly #timed = new Map<TimedRoute, Timed[]>();

  count(surface: Surface | undefined, route: TimedRoute | null, status: number, durationMs: number): void {
    const { byClass } = this.#of(surface ?? 'none', route ?? NO_ROUTE);
    const place = Math.min(Math.floor(status / 100), CLASSES - 1);
    const buckets = byClass[place] ?? (byClass[place] = new Buckets(BOUNDS_SECONDS));
    buckets.observe(durationMs / MS_PER_SECOND);
  }

  *read(): Generator<readonly [Labels, Buckets]> {
    for (const { surface, route, byClass } of [...this.#timed.values()].flat()) {
      const method = typeof route.method === 'string' ? route.method : 'ANY';
      for (const [digit, buckets] of byClass.entries())
        if (buckets !== undefined) yield [{ surface, method, route: route.url, status: `${digit}xx` }, buckets];
    }
  }

  #of(surface: Timed['surface'], route: TimedRoute): Timed {
    const known = this.#timed.get(route);
    for (const one of known ?? []) if (one.surface === surface) return one;
    const made = { surface, route, byClass: Array.from({ length: CLASSES }, () => undefined) };
    this.#timed.set(route, [...(known ?? []), made]);
    return made;
  }
}
