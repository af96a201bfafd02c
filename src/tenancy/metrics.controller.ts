import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ReturnsRaw } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { Allow, READERS } from './access.js';

/** For the operator's monitoring, which comes with an ops key as bearer. */
@Controller('metrics')
@OnSurface('ops')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  /** Urgent, because it is asked for most when everything else waits. */
  @Get()
  @Allow({ ...READERS, urgent: true })
  @ReturnsRaw('text/plain', { summary: 'What this process counts, for Prometheus (text format 0.0.4)' })
  read(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.type(this.metrics.contentType);
    return this.metrics.text();
  }
}
