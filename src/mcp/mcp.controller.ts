import { Body, Controller, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { YieldsUnderLoad } from '../platform/http/admission.js';
import { goneSignal } from '../platform/http/gone-signal.js';
import { ReturnsRaw } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { SurfaceOrigins } from '../platform/http/surface-origins.js';
import { AGENTS, Allow, Caller } from '../tenancy/access.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { AgentMcpServer } from './agent-mcp-server.js';
import { originNotAllowed } from './mcp.errors.js';

/** One message: what a tool does is bound to the one proof of its request, so there are no batches. */
const message = z.looseObject({ jsonrpc: z.literal('2.0') });

/**
 * The Model Context Protocol over Streamable HTTP, without sessions and without a stream from the server: a GET is 405.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
 */
@Controller('mcp')
@OnSurface('tenant')
export class McpController {
  constructor(
    private readonly servers: AgentMcpServer,
    private readonly origins: SurfaceOrigins,
  ) {}

  @Post()
  @Allow(AGENTS)
  @YieldsUnderLoad()
  @ReturnsRaw('application/json', { summary: "Model Context Protocol: the agent's tools" })
  async handle(
    @Caller() principal: AgentPrincipal,
    @Body({ schema: message }) parsedBody: z.output<typeof message>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { origin } = request.headers;
    if (origin !== undefined && !this.origins.of('tenant').includes(origin)) throw originNotAllowed();
    const gone = goneSignal(reply);
    const server = await this.servers.for({ principal, gone });
    const { WebStandardStreamableHTTPServerTransport } =
      await import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js');
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    try {
      const answer = await transport.handleRequest(asWebRequest(request), { parsedBody });
      const text = await answer.text();
      for (const [name, value] of answer.headers) void reply.header(name, value);
      await reply.code(answer.status).send(text === '' ? undefined : text);
    } finally {
      await server.close();
    }
  }
}

/** The body was read and parsed strictly already; the transport looks at the headers only. */
function asWebRequest({ headers }: FastifyRequest): Request {
  const passed = new Headers();
  for (const name of ['accept', 'content-type', 'mcp-protocol-version']) {
    const value = headers[name];
    if (typeof value === 'string') passed.set(name, value);
  }
  return new Request('http://localhost/mcp', { method: 'POST', headers: passed });
}
