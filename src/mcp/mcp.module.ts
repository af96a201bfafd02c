import { Module } from '@nestjs/common';
import { ApprovalsModule } from '../credentials/approvals/approvals.module.js';
import { ProxyModule } from '../proxy/proxy.module.js';
import { AgentMcpServer } from './agent-mcp-server.js';
import { CheckApprovalTool } from './check-approval.tool.js';
import { ListCredentialsTool } from './list-credentials.tool.js';
import { McpController } from './mcp.controller.js';
import { MyStandingTool } from './my-standing.tool.js';
import { RequestAccessTool } from './request-access.tool.js';
import { UseCredentialTool } from './use-credential.tool.js';

@Module({
  imports: [ApprovalsModule, ProxyModule],
  controllers: [McpController],
  providers: [
    AgentMcpServer,
    CheckApprovalTool,
    ListCredentialsTool,
    MyStandingTool,
    RequestAccessTool,
    UseCredentialTool,
  ],
})
export class McpModule {}
