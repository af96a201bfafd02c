import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { viewOwn } from '../credentials/approvals/approvals.schema.js';
import { ReadApprovals } from '../credentials/approvals/read-approvals.js';
import { idField } from '../platform/http/fields.js';
import type { AgentTool, ToolCaller } from './agent-tool.js';

const input = z.strictObject({
  approval_id: idField('apr').meta({ description: 'From use_credential or request_access.' }),
});

@Injectable()
export class CheckApprovalTool implements AgentTool<typeof input> {
  readonly name = 'check_approval';
  readonly title = 'What people said';
  readonly description =
    'Whether a person approved what you asked for: pending, approved, refused, expired or used. Your own requests only.';
  readonly input = input;
  readonly readOnly = true;

  constructor(private readonly approvals: ReadApprovals) {}

  async run({ principal }: ToolCaller, { approval_id: id }: z.output<typeof input>) {
    return viewOwn(await this.approvals.show(principal, id));
  }
}
