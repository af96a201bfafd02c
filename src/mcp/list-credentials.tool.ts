import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ListGranted } from '../credentials/list-granted.js';
import type { AgentTool, ToolCaller } from './agent-tool.js';

const PAGE = 200;
const input = z.strictObject({
  after: z.string().max(128).optional().meta({ description: 'Names behind this one, when there were more.' }),
});

/** Names only: where a credential may go is not the agent's business (ATTACKS 35). */
@Injectable()
export class ListCredentialsTool implements AgentTool<typeof input> {
  readonly name = 'list_credentials';
  readonly title = 'My credentials';
  readonly description =
    'The names of the credentials you may use, at most 200 at a time. Use one with use_credential.';
  readonly input = input;
  readonly readOnly = true;

  constructor(private readonly listGranted: ListGranted) {}

  async run({ principal: { tenantId, id } }: ToolCaller, { after }: z.output<typeof input>) {
    const names = await this.listGranted.execute(tenantId, id, after, PAGE + 1);
    return { credentials: names.slice(0, PAGE), more: names.length > PAGE };
  }
}
