import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { credentialParam } from '../credentials/credentials.schema.js';
import { ExecuteCredential } from '../proxy/execute-credential.js';
import { PendingUse } from '../proxy/approval-gate.js';
import { executeBody, viewExecute, viewPendingUse } from '../proxy/proxy.schema.js';
import type { AgentTool, ToolCaller } from './agent-tool.js';

const input = z.strictObject({
  credential: credentialParam.meta({ description: 'One of list_credentials.' }),
  ...executeBody.shape,
});

const NEXT =
  'A person has to approve this call first; nothing was sent. When they have, make exactly the same call again with approval_id.';

/** The same use case as `POST /v1/credentials/{name}/execute`: one decision, one audit. */
@Injectable()
export class UseCredentialTool implements AgentTool<typeof input> {
  readonly name = 'use_credential';
  readonly title = 'Call an API with a credential';
  readonly description =
    'Makes one HTTPS call with a credential you never see. Write {{CREDENTIAL}} where it goes, for instance in the header authorization: "Bearer {{CREDENTIAL}}". Never repeated by the server.';
  readonly input = input;
  readonly readOnly = false;

  constructor(private readonly executeCredential: ExecuteCredential) {}

  async run({ principal, gone }: ToolCaller, { credential, ...asked }: z.output<typeof input>) {
    const { purpose, request, timeout_ms: timeoutMs, version, approval_id: approvalId } = asked;
    const use = { credentialName: credential, purpose, request, timeoutMs, version, approvalId, gone };
    const result = await this.executeCredential.execute(principal, use);
    return result instanceof PendingUse ? { ...viewPendingUse(result), next: NEXT } : viewExecute(result);
  }
}
