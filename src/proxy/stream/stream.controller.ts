import { All, Controller, HttpStatus, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { YieldsUnderLoad } from '../../platform/http/admission.js';
import { goneSignal } from '../../platform/http/gone-signal.js';
import { StreamsBody } from '../../platform/http/body-parsers.js';
import { ReturnsRaw } from '../../platform/http/returns.js';
import { OnSurface } from '../../platform/http/surface.js';
import { credentialParam } from '../../credentials/credentials.schema.js';
import { AGENTS, Allow, Caller } from '../../tenancy/access.js';
import type { AgentPrincipal } from '../../tenancy/principal.js';
import { waitingHeaders, waitOf } from '../prefer.js';
import { pendingUseView, viewPendingUse } from '../proxy.schema.js';
import { ClientAnswer } from './client-answer.js';
import { StreamCredential } from './stream-credential.js';

@Controller('v1/credentials/:name/proxy')
@OnSurface('tenant')
export class StreamController {
  constructor(private readonly streamCredential: StreamCredential) {}

  @All(':scheme/:host/*')
  @Allow(AGENTS)
  @YieldsUnderLoad()
  @StreamsBody()
  @ReturnsRaw('*/*', { summary: 'Pass a request through with a credential put in, and stream the answer back' })
  async stream(
    @Caller() principal: AgentPrincipal,
    @Param('name', { schema: credentialParam }) credentialName: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const answer = new ClientAnswer(reply);
    const waitSeconds = waitOf(request.headers.prefer);
    const input = { credentialName, request: request.raw, answer, waitSeconds, gone: goneSignal(reply) };
    const waiting = await this.streamCredential.execute(principal, input).catch((error: unknown) => {
      // What of the request nobody read would be read to its end, however long, only to be thrown away.
      if (!request.raw.complete) void reply.header('Connection', 'close');
      throw error;
    });
    if (waiting === undefined) return;
    if (waitSeconds > 0) void reply.header('Preference-Applied', `wait=${waitSeconds}`);
    void reply.status(HttpStatus.ACCEPTED).headers(waitingHeaders(waiting));
    await reply.send(pendingUseView.parse(viewPendingUse(waiting)));
  }
}
