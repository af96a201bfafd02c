import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

/** What a route answers with when all goes well. */
export type Answer = Readonly<{
  status: number;
  summary?: string;
  /** Further statuses with the same body, such as 200 for what was so already. */
  alsoStatuses?: readonly number[];
}> &
  (
    | Readonly<{ kind: 'view'; schema: z.ZodType }>
    | Readonly<{ kind: 'nothing' }>
    | Readonly<{ kind: 'raw'; mediaType: string }>
  );

/** What our hooks, parsers and the adapter know of a route. */
export type RouteSettings = {
  /** What it answers with; nothing else leaves. */
  answer?: Answer;
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
