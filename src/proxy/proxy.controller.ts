import { Body, Controller, Headers, HttpStatus, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { YieldsUnderLoad } from '../platform/http/admission.js';
import { goneSignal } from '../platform/http/gone-signal.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { AGENTS, Allow, Caller } from '../tenancy/access.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { ExecuteCredential } from './execute-credential.js';
import { PendingUse } from './approval-gate.js';
import { waitingHeaders, waitOf } from './prefer.js';
import { executeBody, executeView, pendingUseView, viewExecute, viewPendingUse } from './proxy.schema.js';
import { credentialParam } from '../credentials/credentials.schema.js';

@Controller('v1/credentials/:name')
@OnSurface('tenant')
export class ProxyController {
  constructor(private readonly executeCredential: ExecuteCredential) {}

  @Post('execute')
  @Allow(AGENTS)
  @YieldsUnderLoad()
  @Returns(z.union([executeView, pendingUseView]), {
    alsoStatuses: [202],
    summary: 'Use a credential in a request, without seeing it; 202 when a person has to approve it first',
  })
  async execute(
    @Caller() principal: AgentPrincipal,
    @Param('name', { schema: credentialParam }) credentialName: string,
    @Body({ schema: executeBody }) body: z.output<typeof executeBody>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { purpose, timeout_ms: timeoutMs, version, approval_id: approvalId } = body;
    const waitSeconds = waitOf(prefer);
    if (waitSeconds > 0) void reply.header('Preference-Applied', `wait=${waitSeconds}`);
    const gone = goneSignal(reply);
    const result = await this.executeCredential.execute(principal, {
      credentialName,
      purpose,
      request: body.request,
      timeoutMs,
      version,
      approvalId,
      waitSeconds,
      gone,
    });
    if (!(result instanceof PendingUse)) return viewExecute(result);
    void reply.status(HttpStatus.ACCEPTED).headers(waitingHeaders(result));
    return viewPendingUse(result);
  }
}
