import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { YieldsUnderLoad } from '../platform/http/admission.js';
import { goneSignal } from '../platform/http/gone-signal.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { AGENTS, Allow, Caller } from '../tenancy/access.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { ExecuteCredential } from './execute-credential.js';
import { executeBody, executeView, viewExecute } from './proxy.schema.js';
import { credentialParam } from '../credentials/credentials.schema.js';

@Controller('v1/credentials/:name')
@OnSurface('tenant')
export class ProxyController {
  constructor(private readonly executeCredential: ExecuteCredential) {}

  @Post('execute')
  @Allow(AGENTS)
  @YieldsUnderLoad()
  @Returns(executeView, { summary: 'Use a credential in a request, without seeing it' })
  async execute(
    @Caller() principal: AgentPrincipal,
    @Param('name', { schema: credentialParam }) credentialName: string,
    @Body({ schema: executeBody }) body: z.output<typeof executeBody>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { purpose, timeout_ms: timeoutMs, version } = body;
    const gone = goneSignal(reply);
    const result = await this.executeCredential.execute(principal, {
      credentialName,
      purpose,
      request: body.request,
      timeoutMs,
      version,
      gone,
    });
    return viewExecute(result);
  }
}
