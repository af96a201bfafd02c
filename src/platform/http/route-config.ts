import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

/** What our hooks and parsers know of a route before its handler runs. */
export type RouteSettings = {
  /** The body is a form, not JSON. */
  readsForm?: true;
  /** What the form holds, for the API document. */
  formSchema?: z.ZodType | undefined;
  /** The body is the handler's to read, as it comes and whatever it is. */
  streamsBody?: true;
  /** A stricter rate limit, counted by client address. */
  rate?: 'login' | 'token';
  /** Refused first when there is too much to do. */
  yieldsUnderLoad?: true;
};

/** Adds to a route's Fastify config; Nest's own `@RouteConfig` would replace what another decorator put there. */
export const routeSettings =
  (settings: RouteSettings): MethodDecorator =>
  (_target, _name, { value }) => {
    const handler = value as object;
    Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG_METADATA, { ...settingsOfHandler(handler), ...settings }, handler);
  };

export function settingsOfHandler(handler: object): RouteSettings {
  return (Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, handler) as RouteSettings | undefined) ?? {};
}

export function settingsOf(request: FastifyRequest): RouteSettings {
  return (request.routeOptions?.config ?? {}) as RouteSettings;
}
