import { Injectable } from '@nestjs/common';
import { publicId } from '../../platform/ids.js';
import { Acts } from '../../tenancy/acts.js';
import { actorOf, type AgentPrincipal } from '../../tenancy/principal.js';
import { PENDING_MS, PENDING_PER_AGENT_MAX } from './approval.js';
import { tooManyApprovals } from './approvals.errors.js';
import { insertApproval, pendingOf } from './approvals.repository.js';
import { previewOf, type RequestImage } from './request-image.js';
import { SealedPreview } from './sealed-preview.js';

/** A use that a decision found in order but for a person's word. */
export interface AskedUse {
  readonly credentialId: string;
  readonly credentialName: string;
  readonly version: number;
  readonly image: RequestImage;
  /** Without the query. */
  readonly url: string;
  readonly requestHash: string;
  readonly purpose: string;
}

export interface PendingApproval {
  readonly id: string;
  readonly expiresAt: Date;
}

/** Puts a use before the tenant's people. Asking the same while it waits is asking once. */
@Injectable()
export class RequestApproval {
  constructor(
    private readonly acts: Acts,
    private readonly sealed: SealedPreview,
  ) {}

  async execute(principal: AgentPrincipal, id: string, asked: AskedUse): Promise<PendingApproval> {
    const { tenantId } = principal;
    const sealed = await this.sealed.seal(tenantId, id, previewOf(asked.image));
    return this.acts.run(tenantId, async ({ tx, chain, nowMs }) => {
      const now = new Date(nowMs);
      const waiting = await pendingOf(tx, principal.id, now);
      const same = waiting.find(({ requestHash }) => requestHash?.toString('hex') === asked.requestHash);
      if (same !== undefined) return same;
      if (waiting.length >= PENDING_PER_AGENT_MAX) throw tooManyApprovals(PENDING_PER_AGENT_MAX);
      const { credentialId, credentialName, version, url, purpose } = asked;
      const { method } = asked.image;
      const expiresAt = new Date(nowMs + PENDING_MS);
      const requestHash = Buffer.from(asked.requestHash, 'hex');
      const about = { agentId: principal.id, credentialId, credentialName, version, method, url, requestHash, purpose };
      const row = { ...about, ...sealed, id, kind: 'use', state: 'pending', requestedAt: now, expiresAt } as const;
      const stored = await insertApproval(tx, row);
      const details = {
        approval: publicId('apr', id),
        kind: 'use',
        agent: publicId('agt', principal.id),
        credential: publicId('crd', credentialId),
        name: credentialName,
        version,
        method,
        url,
        purpose,
        request_hash: asked.requestHash,
        expires_at: expiresAt.toISOString(),
      };
      await chain.append({ actor: actorOf(principal), action: 'approval.requested', outcome: 'success', details });
      return stored;
    });
  }
}
