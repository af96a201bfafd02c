import { Injectable } from '@nestjs/common';
import { TenantKeys } from '../../keys/tenant-keys.js';
import { Secret } from '../../platform/crypto/secret.js';
import { aad, unwrap, wrap } from '../../platform/crypto/wrap.js';
import type { ApprovalRow } from './approvals.repository.js';
import type { RequestPreview } from './request-image.js';

const boundTo = (tenantId: string, approvalId: string, kekVersion: number): Buffer =>
  aad(['chancery/approval/v1', tenantId, approvalId, String(kekVersion)]);

/**
 * A request may carry what concerns nobody but its approver, so it is kept under the tenant's key: a sealed vault shows
 * that somebody asked, and not what for. Throws `vault_sealed`.
 */
@Injectable()
export class SealedPreview {
  constructor(private readonly keys: TenantKeys) {}

  async seal(
    tenantId: string,
    approvalId: string,
    preview: RequestPreview,
  ): Promise<{ kekVersion: number; preview: Buffer }> {
    const { version, key } = await this.keys.kek(tenantId);
    const plaintext = new Secret(Buffer.from(JSON.stringify(preview)));
    try {
      return { kekVersion: version, preview: wrap(key, plaintext, boundTo(tenantId, approvalId, version)) };
    } finally {
      plaintext.zero();
    }
  }

  async open({ tenantId, id, kekVersion, preview }: ApprovalRow): Promise<RequestPreview | null> {
    if (kekVersion === null || preview === null) return null;
    const { key } = await this.keys.kek(tenantId, kekVersion);
    const opened = unwrap(key, preview, boundTo(tenantId, id, kekVersion));
    try {
      return JSON.parse(opened.bytes.toString()) as RequestPreview;
    } finally {
      opened.zero();
    }
  }
}
