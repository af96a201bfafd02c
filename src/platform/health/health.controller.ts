import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { OpenToAll } from '../http/access.js';
import { Returns } from '../http/returns.js';
import { OnSurface } from '../http/surface.js';
import { ReadinessChecks } from './readiness-checks.js';

const liveView = z.object({ status: z.literal('ok') });
const readyView = z.object({ status: z.enum(['ok', 'unavailable']), checks: z.record(z.string(), z.string()) });

@Controller('health')
@OpenToAll()
@OnSurface('public', 'tenant', 'ops')
export class HealthController {
  constructor(private readonly readiness: ReadinessChecks) {}

  /** Answers as long as the event loop does. */
  @Get('live')
  @Returns(liveView, { summary: 'Whether this process runs' })
  live() {
    return { status: 'ok' };
  }

  /** Sealed is ready: brakes, tokens and listings work. */
  @Get('ready')
  @Returns(readyView, { summary: 'Whether this process can serve', alsoStatuses: [HttpStatus.SERVICE_UNAVAILABLE] })
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const { ready, checks } = await this.readiness.run();
    reply.code(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return { status: ready ? 'ok' : 'unavailable', checks };
  }
}
