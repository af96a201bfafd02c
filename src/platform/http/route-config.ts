import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyRequest } from 'fastify';

/** What our hooks and parsers know of a route before its handler runs. */
export type RouteSettings = {
  /** The body is a form, not JSON. */
  readsForm?: true;
  /** A stricter rate limit, counted by client address. */
  rate?: 'login' | 'token';
};

/** Adds to a route's Fastify config; Nest's own `@RouteConfig` would replace what another decorator put there. */
export const routeSettings =
  (settings: RouteSettings): MethodDecorator =>
  (_target, _name, { value }) => {
    const before = Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, value as object) as RouteSettings | undefined;
    Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG_METADATA, { ...before, ...settings }, value as object);
  };

export function readsForm(handler: object): boolean {
  return (Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, handler) as RouteSettings | undefined)?.readsForm === true;
}

export function settingsOf(request: FastifyRequest): RouteSettings {
  return (request.routeOptions?.config ?? {}) as RouteSettings;
}
