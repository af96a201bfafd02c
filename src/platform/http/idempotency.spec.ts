import 'reflect-metadata';
import { Body, type CanActivate, Controller, type ExecutionContext, Get, Module, Param, Post } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { MemoryIdempotencyModule, MemoryIdempotencyStore } from '../../../test/support/memory-idempotency.js';
import { SECRET_VALUE, startNotes, type NotesApp } from '../../../test/support/notes.fixture.js';
import { setCaller } from './caller.js';
import { Idempotent } from './idempotent.js';
import { Returns } from './returns.js';
import { shownOnce } from './shown-once.js';
import { OnSurface } from './surface.js';

const newTenant = z.strictObject({ name: z.string().min(1).max(20), wait_ms: z.number().optional() });
const tenantView = z.object({
  id: z.string(),
  name: z.string(),
  owner: z.object({ email: z.string(), password: shownOnce(z.string()).meta({ description: 'Once.' }) }),
  service_key: z.object({ id: z.string(), key: shownOnce(z.string()) }).nullable(),
});
let acts = 0;
/** An act named `held` says that it has begun, and waits. */
let begun = (): void => undefined;
let letGo = (): void => undefined;

@Controller('v1/tenants')
@OnSurface('tenant')
class TenantsController {
  @Post()
  @Idempotent()
  @Returns(tenantView, { status: 201 })
  async create(@Body({ schema: newTenant }) { name, wait_ms: waitMs = 0 }: z.output<typeof newTenant>) {
    if (name === 'explode') throw new Error('no');
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (name === 'held') {
      await new Promise<void>((resolve) => {
        letGo = resolve;
        begun();
      });
    }
    acts += 1;
    const id = `ten_${acts}`;
    return {
      id,
      name,
      owner: { email: 'a@b.test', password: SECRET_VALUE },
      service_key: { id: 'k', key: SECRET_VALUE },
    };
  }

  @Post(':id/rotate')
  @Idempotent()
  @Returns(z.object({ id: z.string() }))
  rotate(@Param('id') id: string) {
    acts += 1;
    return { id };
  }

  @Get()
  @Returns(z.object({ acts: z.number() }))
  count() {
    return { acts };
  }
}

class HeaderGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const [tenantId = 't', principalId = 'p'] = String(request.headers['x-caller'] ?? 't/p').split('/');
    setCaller(request, { tenantId, principalId });
    return true;
  }
}

@Module({
  imports: [MemoryIdempotencyModule],
  controllers: [TenantsController],
  providers: [{ provide: APP_GUARD, useClass: HeaderGuard }],
})
class TenantsModule {}

let app: NotesApp;
beforeAll(async () => void (app = await startNotes({}, TenantsModule)));
afterAll(() => app.close());

let keys = 0;
const newKey = () => `key-${++keys}`;
async function post(key: string | undefined, body: object, { path = '/v1/tenants', caller = 't/p' } = {}) {
  const response = await fetch(app.at.tenant + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-caller': caller,
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    replayed: response.headers.get('idempotency-replayed'),
    text,
    body: JSON.parse(text),
  };
}

test('a repeated request is answered from memory, acts once, and shows no secret again', async () => {
  const key = newKey();
  const before = acts;
  const first = await post(key, { name: 'a' });
  expect([first.status, first.replayed, first.body.owner.password]).toEqual([201, null, SECRET_VALUE]);
  const again = await post(key, { name: 'a' });
  expect([again.status, again.replayed]).toEqual([201, 'true']);
  expect(again.body).toEqual({
    id: first.body.id,
    name: 'a',
    owner: { email: 'a@b.test' },
    service_key: { id: 'k' },
    secret_shown_once: true,
  });
  expect(acts).toBe(before + 1);
});

test('P1: nothing that is shown once, and no body, is kept', async () => {
  await post(newKey(), { name: SECRET_VALUE.slice(0, 20) });
  const store = app.app.get(MemoryIdempotencyStore, { strict: false });
  const views = [...store.entries.values()].map(({ answer }) => JSON.stringify(answer));
  expect(views.join()).not.toContain(SECRET_VALUE);
  expect([...store.entries.values()].every(({ fingerprint }) => fingerprint.length === 32)).toBe(true);
});

test('key order and spacing do not make another request, a value does: 422', async () => {
  const key = newKey();
  expect((await post(key, { name: 'a', wait_ms: 1 })).status).toBe(201);
  expect((await post(key, { wait_ms: 1, name: 'a' })).replayed).toBe('true');
  const other = await post(key, { name: 'b' });
  expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch']);
});

test('one key on two paths of one route is a mismatch', async () => {
  const key = newKey();
  expect((await post(key, {}, { path: '/v1/tenants/1/rotate' })).body).toEqual({ id: '1' });
  expect((await post(key, {}, { path: '/v1/tenants/2/rotate' })).status).toBe(422);
  expect((await post(key, {}, { path: '/v1/tenants/1/rotate' })).body).toEqual({ id: '1' });
});

test('a duplicate at the same time is 409, and the act happens once', async () => {
  const key = newKey();
  const before = acts;
  const started = new Promise<void>((resolve) => (begun = resolve));
  const slow = post(key, { name: 'held' });
  await started;
  const meanwhile = await post(key, { name: 'held' });
  expect([meanwhile.status, meanwhile.body.code]).toEqual([409, 'idempotency_in_progress']);
  letGo();
  expect([(await slow).status, acts]).toEqual([201, before + 1]);
});

test('tenants, principals and routes do not share keys', async () => {
  const key = newKey();
  const ids = [];
  for (const caller of ['t/p', 't/q', 'u/p']) ids.push((await post(key, { name: 'a' }, { caller })).body.id);
  expect(new Set(ids).size).toBe(3);
});

test('a request that failed may be repeated', async () => {
  const key = newKey();
  expect((await post(key, { name: 'explode' })).status).toBe(500);
  expect((await post(key, { name: '' })).status).toBe(400);
  expect(await post(key, { name: 'a' })).toMatchObject({ status: 201, replayed: null });
});

test('an answer that could not be kept at once is kept a moment later', async () => {
  const key = newKey();
  const finish = jest.spyOn(MemoryIdempotencyStore.prototype, 'finish');
  finish.mockRejectedValueOnce(new Error('no connection became free')).mockRejectedValueOnce(new Error('nor now'));
  const first = await post(key, { name: 'a' });
  expect(first.status).toBe(201);
  expect(await post(key, { name: 'a' })).toMatchObject({ status: 201, replayed: 'true', body: { id: first.body.id } });
  expect(finish).toHaveBeenCalledTimes(3);
  finish.mockRestore();
});

test.each(['', 'a'.repeat(129), 'has space'])('the key %p is refused', async (key) => {
  expect(await post(key, { name: 'a' })).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
});

test('without a key every request acts', async () => {
  const [a, b] = [await post(undefined, { name: 'a' }), await post(undefined, { name: 'a' })];
  expect(a.body.id).not.toBe(b.body.id);
});
