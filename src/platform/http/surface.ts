import type { IncomingMessage } from 'node:http';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { RouteConstraints } from '@nestjs/platform-fastify';
import { RequestSlot } from './request-slot.js';
import { answerOf } from './returns.js';

/** The three route sets, each behind a listener of its own (DESIGN 2). */
export const SURFACES = ['public', 'tenant', 'ops'] as const;
export type Surface = (typeof SURFACES)[number];

const SURFACES_OF = Symbol('chancery/surfaces');
const surfaceOfRequest = new RequestSlot<Surface>('surface');

/** Called once, by the listener that the socket came in by. Nothing in the request itself has a say. */
export function markSurface(request: IncomingMessage, surface: Surface): void {
  surfaceOfRequest.set(request, surface);
}

/** Undefined for a request that came by no listener of ours (Fastify's `inject`): it reaches no route. */
export function surfaceOf(request: IncomingMessage): Surface | undefined {
  return surfaceOfRequest.get(request);
}

/** Class decorator: the routes of this controller exist on these surfaces and on no other. */
export function OnSurface(...surfaces: [Surface, ...Surface[]]): ClassDecorator {
  return (controller) => {
    for (const handler of handlersOf(controller)) {
      if (Reflect.hasMetadata(SURFACES_OF, handler)) {
        throw new Error(`${controller.name}.${handler.name} stands on a surface already: two controllers share it`);
      }
      if (!answerOf(handler)) {
        throw new Error(`${controller.name}.${handler.name} does not say what it answers: add @Returns(…)`);
      }
      Reflect.defineMetadata(SURFACES_OF, surfaces, handler);
      RouteConstraints({ surface: surfaces })(controller.prototype, handler.name, { value: handler });
    }
  };
}

/** The surfaces of a handler, for the document and for the test that lists every route. */
export function surfacesOf(handler: object): readonly Surface[] {
  return (Reflect.getMetadata(SURFACES_OF, handler) as Surface[] | undefined) ?? [];
}

/** The route handlers of a controller, its own and inherited ones. */
export function handlersOf(controller: { prototype: object }): (((...args: never[]) => unknown) & { name: string })[] {
  const found = [];
  for (let level = controller.prototype; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value === 'function' && Reflect.hasMetadata(METHOD_METADATA, value)) found.push(value);
    }
  }
  return found;
}
