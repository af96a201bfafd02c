import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import {
  Body,
  Controller,
  Delete,
  Get,
  Module,
  Param,
  Post,
  Query,
  Req,
  type DynamicModule,
  type Type,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { createHttpApp, type HttpApp } from '../../src/platform/http/bootstrap.js';
import { ReadsForm } from '../../src/platform/http/body-parsers.js';
import { Idempotent } from '../../src/platform/http/idempotent.js';
import { pageQuery } from '../../src/platform/http/pagination.js';
import { RateLimited } from '../../src/platform/http/rate-limits.js';
import { Returns, ReturnsNothing } from '../../src/platform/http/returns.js';
import { shownOnce } from '../../src/platform/http/shown-once.js';
import { OnSurface, type Surface } from '../../src/platform/http/surface.js';
import { SurfaceOrigins } from '../../src/platform/http/surface-origins.js';
import { PlatformSecret } from '../../src/platform/crypto/platform-secret.js';
import { createLog } from '../../src/platform/telemetry/logger.js';
import { testConfig } from './test-config.js';

export const SECRET_VALUE = 'sk-live-must-never-be-seen';

const newNote = z.strictObject({ text: z.string().min(1).max(80), pages: z.number().int().max(9).optional() });
const note = z.object({ id: z.string(), text: z.string() });
const createdNote = note.extend({ key: shownOnce(z.string()) });
let created = 0;
let slowCount = 0;

/** How many requests of `/v1/slow` have come to their handler. */
export const slowAsked = (): number => slowCount;

@Controller('v1/notes')
@OnSurface('tenant', 'ops')
export class NotesController {
  @Post()
  @Idempotent()
  @Returns(createdNote, { status: 201, summary: 'Writes a note' })
  create(@Body({ schema: newNote }) body: z.output<typeof newNote>) {
    if (body.text === 'explode') throw new Error(`cannot store ${SECRET_VALUE}`);
    return { id: `note_${++created}`, text: body.text, key: SECRET_VALUE, owner: 'a field nobody named' };
  }

  @Get()
  @Returns(z.object({ limit: z.number() }))
  list(@Query({ schema: pageQuery }) query: z.output<typeof pageQuery>) {
    return { limit: query.limit };
  }

  @Get(':id')
  @Returns(note)
  show(@Param('id') id: string) {
    return { id, text: 'hello' };
  }

  @Delete(':id')
  @ReturnsNothing()
  remove() {
    return 'what is returned here stays here';
  }
}

@Controller('v1/where')
@OnSurface('tenant')
class TenantWhereController {
  constructor(private readonly origins: SurfaceOrigins) {}

  @Get()
  @Returns(z.object({ where: z.string(), htu: z.array(z.string()) }))
  where(@Req() request: FastifyRequest) {
    return { where: 'tenant', htu: this.origins.htu('tenant', request.raw.url ?? '') };
  }
}

@Controller('v1/where')
@OnSurface('ops')
class OpsWhereController {
  @Get()
  @Returns(z.object({ where: z.string() }))
  where() {
    return { where: 'ops' };
  }
}

const tokenForm = z.strictObject({ grant_type: z.literal('client_credentials') });

@Controller()
@OnSurface('tenant')
class FormsController {
  @Post('oauth/token')
  @ReadsForm(tokenForm)
  @RateLimited('token')
  @Returns(z.record(z.string(), z.string()))
  token(@Body() body: Record<string, string>) {
    return body;
  }

  @Get('v1/slow')
  @Returns(z.object({ done: z.boolean() }))
  async slow() {
    slowCount += 1;
    await new Promise((resolve) => setTimeout(resolve, 400));
    return { done: true };
  }

  @Get('v1/mismatch')
  @Returns(z.object({ count: z.number() }))
  mismatch() {
    return { count: SECRET_VALUE };
  }
}

@Module({ controllers: [NotesController, TenantWhereController, OpsWhereController, FormsController] })
export class NotesModule {}

export type NotesApp = HttpApp & { at: Readonly<Record<Surface, string>>; logged: () => string };

/** The fixture's routes over real sockets, with everything it logs kept. */
export async function startNotes(
  env: Readonly<Record<string, string>> = {},
  module: Type | DynamicModule = NotesModule,
): Promise<NotesApp> {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const secret = await PlatformSecret.generateFile(join(tmpdir(), `chancery-notes-${randomUUID()}`));
  const app = await createHttpApp(module, {
    config: testConfig(env),
    log: createLog({ level: 'debug', destination }),
    secret,
  });
  return { ...app, at: await app.listen(), logged: () => lines.join('') };
}
