import 'reflect-metadata';
import { Body, Controller, Module, Post } from '@nestjs/common';
import { z } from 'zod';
import { NotesModule } from '../../../test/support/notes.fixture.js';
import { openApiOf, openApiText } from './openapi.js';
import { toOpenApiSchema } from './openapi-schema.js';
import { Returns } from './returns.js';
import { OnSurface } from './surface.js';

type Operation = {
  operationId: string;
  'x-surface': string[];
  security: object[];
  parameters: { name: string; in: string; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
};

async function operations(module: new () => object): Promise<Record<string, Operation>> {
  const { paths } = await openApiOf(module);
  return Object.fromEntries(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation as Operation]),
    ),
  );
}

test('the same source gives the same bytes', async () => {
  expect(openApiText(await openApiOf(NotesModule))).toBe(openApiText(await openApiOf(NotesModule)));
});

test('operations have stable ids, their surfaces, and the problem document for everything else', async () => {
  const all = await operations(NotesModule);
  expect(all['POST /v1/notes']).toMatchObject({ operationId: 'notes.create', 'x-surface': ['tenant', 'ops'] });
  expect(all['GET /health/live']).toMatchObject({ 'x-surface': ['public', 'tenant', 'ops'], security: [] });
  expect(all['GET /v1/notes']!.security).toEqual([{ bearer: [] }, { dpop: [] }]);
  for (const { responses } of Object.values(all)) {
    expect(responses['default']?.content?.['application/problem+json']?.schema).toEqual({
      $ref: '#/components/schemas/Problem',
    });
  }
});

test('requests are closed, answers are open, fields shown once are optional and explained', async () => {
  const create = (await operations(NotesModule))['POST /v1/notes']!;
  expect(create.requestBody?.content['application/json']?.schema).toMatchObject({
    additionalProperties: false,
    required: ['text'],
  });
  const answer = create.responses['201']?.content?.['application/json']?.schema;
  expect(answer).toMatchObject({ required: ['id', 'text'], properties: { key: {}, secret_shown_once: {} } });
  expect(answer).not.toHaveProperty('additionalProperties');
  expect(create.parameters.map(({ name }) => name)).toEqual(['Idempotency-Key']);
});

test('query parameters say what they are on the wire', async () => {
  const { parameters } = (await operations(NotesModule))['GET /v1/notes']!;
  expect(parameters).toMatchObject([
    { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 } },
    { name: 'cursor', in: 'query', schema: { type: 'string' } },
  ]);
});

test('one path with a handler a surface is one operation with alternatives', async () => {
  @Controller('v1/brakes')
  @OnSurface('tenant')
  class BrakesController {
    @Post()
    @Returns(z.object({ id: z.string() }), { status: 201 })
    activate(@Body({ schema: z.strictObject({ scope: z.literal('tenant') }) }) _body: unknown) {}
  }
  @Controller('v1/brakes')
  @OnSurface('ops')
  class GlobalBrakesController {
    @Post()
    @Returns(z.object({ id: z.string() }), { status: 201 })
    activate(@Body({ schema: z.strictObject({ scope: z.literal('global') }) }) _body: unknown) {}
  }
  @Module({ controllers: [BrakesController, GlobalBrakesController] })
  class BrakesModule {}
  const activate = (await operations(BrakesModule))['POST /v1/brakes']!;
  expect(activate).toMatchObject({ operationId: 'brakes.activate', 'x-surface': ['tenant', 'ops'] });
  const { anyOf } = activate.requestBody!.content['application/json']!.schema as { anyOf: unknown[] };
  expect(anyOf).toHaveLength(2);
});

test('a form is a form', async () => {
  const { requestBody } = (await operations(NotesModule))['POST /oauth/token']!;
  expect(Object.keys(requestBody!.content)).toEqual(['application/x-www-form-urlencoded']);
  expect(Object.values(requestBody!.content)[0]).toMatchObject({ schema: { required: ['grant_type'] } });
});

test('recursive parts of two schemas do not overwrite each other', () => {
  const tree = z.strictObject({
    get left() {
      return tree.optional();
    },
  });
  const list = z.strictObject({
    get next() {
      return list.nullable();
    },
  });
  const names = [z.strictObject({ tree }), z.strictObject({ list })].map((schema) =>
    Object.keys(toOpenApiSchema(schema, { schemaType: 'input' })!.components),
  );
  expect(names[0]).toHaveLength(1);
  expect(names[0]).not.toEqual(names[1]);
});
