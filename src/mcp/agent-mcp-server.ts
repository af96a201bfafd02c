import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '../platform/http/problem.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import type { AgentTool, ToolCaller } from './agent-tool.js';
import { CheckApprovalTool } from './check-approval.tool.js';
import { ListCredentialsTool } from './list-credentials.tool.js';
import { MyStandingTool } from './my-standing.tool.js';
import { RequestAccessTool } from './request-access.tool.js';
import { UseCredentialTool } from './use-credential.tool.js';

const SERVER = { name: 'chancery', title: 'Chancery', version: '1' };
const INSTRUCTIONS =
  'Chancery calls APIs for you with credentials you cannot see. list_credentials names yours; use_credential makes a call with {{CREDENTIAL}} where the credential goes. request_access asks people for another one. A denial names its code and what to do.';

/** What an agent can do over MCP. One server is made for each request: it keeps nothing between two. */
@Injectable()
export class AgentMcpServer {
  readonly #tools: readonly AgentTool[];

  constructor(
    listCredentials: ListCredentialsTool,
    useCredential: UseCredentialTool,
    myStanding: MyStandingTool,
    requestAccess: RequestAccessTool,
    checkApproval: CheckApprovalTool,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.#tools = [listCredentials, useCredential, myStanding, requestAccess, checkApproval] as readonly AgentTool[];
  }

  /** The SDK is loaded for the first caller: a tenth of a start, and many deployments have none. */
  async for(caller: ToolCaller): Promise<McpServer> {
    const { McpServer } = await import('@modelcontextprotocol/sdk/server/mcp.js');
    const server = new McpServer(SERVER, { instructions: INSTRUCTIONS });
    for (const tool of this.#tools) {
      const { name, title, description, input, readOnly } = tool;
      const annotations = { readOnlyHint: readOnly, destructiveHint: !readOnly, openWorldHint: !readOnly };
      const run = (given: Record<string, unknown>): Promise<CallToolResult> => this.#run(tool, caller, given);
      server.registerTool(name, { title, description, inputSchema: input, annotations }, run);
    }
    return server;
  }

  async #run(tool: AgentTool, caller: ToolCaller, input: Record<string, unknown>): Promise<CallToolResult> {
    try {
      return resultOf(await tool.run(caller, input));
    } catch (error) {
      if (error instanceof ProblemError) return failureOf(error);
      // The error itself could hold what was rendered: only its name is written down.
      this.log.error({ fault: (error as Error).name, tool: tool.name }, 'a tool failed');
      return failureOf(
        new ProblemError({ code: 'internal_error', status: 500, title: 'Something went wrong on our side' }),
      );
    }
  }
}

/** Clients that know no structured content read the text. */
function resultOf(structured: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(structured) }], structuredContent: structured };
}

/** A refusal is a result the model can act on, with the members of the problem document. */
function failureOf({ spec }: ProblemError): CallToolResult {
  const { code, status, title, detail, extra } = spec;
  const problem = {
    ...extra,
    type: `/errors/${code}`,
    code,
    status,
    title,
    ...(detail === undefined ? {} : { detail }),
  };
  const text = [`${code}: ${title}.`, ...(detail === undefined ? [] : [detail])].join(' ');
  return { isError: true, content: [{ type: 'text', text }], structuredContent: problem };
}
