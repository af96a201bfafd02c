import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { OnSurface } from '../http/surface.js';
import { ReadinessChecks } from './readiness-checks.js';

@Controller('health')
@OnSurface('public', 'tenant', 'ops')
export class HealthController {
  constructor(private readonly readiness: ReadinessChecks) {}

  /** Answers as long as the event loop does. */
  @Get('live')
  live() {
    return { status: 'ok' };
  }

  /** Sealed is ready: brakes, tokens and listings work. */
  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const { ready, checks } = await this.readiness.run();
    reply.code(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return { status: ready ? 'ok' : 'unavailable', checks };
  }
}
