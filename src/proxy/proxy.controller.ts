import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { YieldsUnderLoad } from '../platform/http/admission.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { AGENTS, Allow, Caller } from '../tenancy/access.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { forbidden } from '../tenancy/tenancy.errors.js';
import { ExecuteCredential } from './execute-credential.js';
import { executeBody, executeView, viewExecute } from './proxy.schema.js';
import { credentialParam } from '../credentials/credentials.schema.js';

export const USE_SCOPE = 'use:credential';

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
    if (!principal.scopes.includes(USE_SCOPE)) throw forbidden();
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

/** Aborts when the client's connection closes before it was answered. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
