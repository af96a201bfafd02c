import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { accessBody, viewPending } from '../credentials/approvals/approvals.schema.js';
import { RequestAccess } from '../credentials/approvals/request-access.js';
import type { AgentTool, ToolCaller } from './agent-tool.js';

/** The same use case as `POST /v1/access-requests`: any name is taken, and a person decides. */
@Injectable()
export class RequestAccessTool implements AgentTool<typeof accessBody> {
  readonly name = 'request_access';
  readonly title = 'Ask for a credential';
  readonly description =
    'Asks the people you work for to let you use a credential, by its name, and tells them why. They decide later; list_credentials shows when you have it.';
  readonly input = accessBody;
  readonly readOnly = false;

  constructor(private readonly requestAccess: RequestAccess) {}

  async run({ principal }: ToolCaller, { credential_name: name, reason }: z.output<typeof accessBody>) {
    return viewPending(await this.requestAccess.execute(principal, name, reason), 'access');
  }
}
