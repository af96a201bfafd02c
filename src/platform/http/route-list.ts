import { RequestMethod, type INestApplicationContext, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { isIdempotent } from './idempotent.js';
import { handlersOf, type Surface, surfacesOf } from './surface.js';

/** One route of the application, with the controller and handler that hold everything else that was said about it. */
export interface Route {
  readonly method: string;
  /** As in OpenAPI: `/v1/agents/{id}`. */
  readonly path: string;
  readonly surfaces: readonly Surface[];
  readonly idempotent: boolean;
  readonly controller: Type;
  readonly handler: object;
}

/** Every route there is, by path and method. Nothing has to listen, nor even to be instantiated. */
export function routesOf(app: INestApplicationContext): Route[] {
  const routes = controllersOf(app).flatMap((controller) =>
    handlersOf(controller).map((handler) => ({
      method: methodOf(handler),
      path: pathOf(controller, handler),
      surfaces: surfacesOf(handler),
      idempotent: isIdempotent(handler),
      controller,
      handler,
    })),
  );
  return routes.sort((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
}

/** The controllers of every module, each once. */
export function controllersOf(app: INestApplicationContext): Type[] {
  const modules = [...app.get(ModulesContainer, { strict: false }).values()];
  const found = modules.flatMap(({ controllers }) => [...controllers.values()].map(({ metatype }) => metatype));
  return [...new Set(found)].filter((metatype): metatype is Type => typeof metatype === 'function');
}

function methodOf(handler: object): string {
  const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as number];
  // Whatever method a request has.
  if (method === 'ALL') return 'ANY';
  if (method === undefined) throw new Error(`${(handler as { name: string }).name} has no method`);
  return method;
}

function pathOf(controller: Type, handler: object): string {
  const parts = [controller, handler].map((place) => String(Reflect.getMetadata(PATH_METADATA, place) ?? ''));
  const segments = parts.flatMap((part) => part.split('/')).filter((segment) => segment !== '');
  return `/${segments.map((segment) => segment.replace(/^:(.*)$/, '{$1}').replace(/^\*$/, '{path}')).join('/')}`;
}

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
