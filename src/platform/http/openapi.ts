import type { DynamicModule, INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { HttpModule } from './http.module.js';
import { describeHandler, hideController } from './openapi-metadata.js';
import { mergeDocuments } from './openapi-merge.js';
import { finishDocument } from './openapi-finish.js';
import { toOpenApiSchema } from './openapi-schema.js';
import { controllersOf } from './route-list.js';
import { handlersOf, SURFACES, surfacesOf } from './surface.js';

/**
 * The OpenAPI 3.1 document of every route, the same bytes for the same source. One path may have another handler on
 * another surface, which one document cannot say twice, so each surface is described alone and then merged.
 */
export function createOpenApi(app: INestApplicationContext): OpenAPIObject {
  const controllers = controllersOf(app);
  for (const controller of controllers)
    for (const handler of handlersOf(controller)) describeHandler(controller, handler);
  const documents = SURFACES.map((surface) => {
    for (const controller of controllers) {
      const [handler] = handlersOf(controller);
      hideController(controller, handler === undefined || !surfacesOf(handler).includes(surface));
    }
    return { surface, document: describe(app) };
  });
  for (const controller of controllers) hideController(controller, false);
  return finishDocument(mergeDocuments(documents));
}

/** The document of a module's routes and our own, without starting any of it: nothing is instantiated in a preview. */
export async function openApiOf(feature: Type | DynamicModule): Promise<OpenAPIObject> {
  return createOpenApi(await previewOf(feature));
}

/** A module's routes and our own, with nothing behind them. */
export function previewOf(feature: Type | DynamicModule): Promise<INestApplicationContext> {
  const root = { module: DocumentRoot, imports: [HttpModule.forDocument(), feature] };
  return NestFactory.create(root, new FastifyAdapter(), { preview: true, logger: false, abortOnError: false });
}

class DocumentRoot {}

/** As text, for the committed file. */
export const openApiText = (document: OpenAPIObject): string => `${JSON.stringify(document, null, 2)}\n`;

function describe(app: INestApplicationContext): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Chancery')
    .setVersion('1')
    .setDescription('The control plane between AI agents and the credentials they use.')
    .addSecurity('bearer', {
      type: 'http',
      scheme: 'bearer',
      description: 'A service key (chy_sk_…) or a member session (chy_ms_…).',
    })
    .addSecurity('dpop', {
      type: 'http',
      scheme: 'DPoP',
      description: "An agent's access token, with a proof in the DPoP header (RFC 9449).",
    })
    .build();
  return SwaggerModule.createDocument(app as never, config, {
    operationIdFactory: (controller, method) => `${resourceOf(controller)}.${method}`,
    standardSchemaConverter: toOpenApiSchema,
    autoTagControllers: false,
  });
}

/** `ServiceKeysController` → `serviceKeys`. */
const resourceOf = (controller: string): string => {
  const name = controller.replace(/Controller$/, '');
  return name.charAt(0).toLowerCase() + name.slice(1);
};
