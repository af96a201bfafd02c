import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Webhook } from 'standardwebhooks';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { Secret } from '../platform/crypto/secret.js';
import { aad, unwrap, wrap } from '../platform/crypto/wrap.js';

const SECRET_BYTES = 32;

interface SignedBy {
  readonly id: string;
  readonly secret: Buffer;
  readonly previousSecret: Buffer | null;
  readonly previousUntil: Date | null;
}

/**
 * The secrets that deliveries are signed with. They are wrapped under the platform secret and not under a tenant's key:
 * that a brake was pulled, or that somebody guesses at the master password, must be told while the vault is sealed.
 */
@Injectable()
export class SigningSecrets {
  readonly #wrapKey: Secret;

  constructor(secret: PlatformSecret) {
    this.#wrapKey = new Secret(secret.derive('webhook-wrap'));
  }

  /** A fresh one: as it is shown, once, and as it is stored. */
  mint(tenantId: string, webhookId: string): { shown: string; stored: Buffer } {
    const secret = new Secret(randomBytes(SECRET_BYTES));
    try {
      const stored = wrap(this.#wrapKey, secret, boundTo(tenantId, webhookId));
      return { shown: `whsec_${secret.bytes.toString('base64')}`, stored };
    } finally {
      secret.zero();
    }
  }

  /** The value of `webhook-signature`: a receiver that knows either secret, during an overlap, accepts it. */
  sign(tenantId: string, by: SignedBy, message: { id: string; at: Date; body: string }): string {
    const overlaps = by.previousSecret !== null && by.previousUntil !== null && by.previousUntil > message.at;
    const stored = [by.secret, ...(overlaps ? [by.previousSecret] : [])] as Buffer[];
    return stored.map((wrapped) => this.#signature(tenantId, by.id, wrapped, message)).join(' ');
  }

  #signature(tenantId: string, webhookId: string, wrapped: Buffer, message: { id: string; at: Date; body: string }) {
    const secret = unwrap(this.#wrapKey, wrapped, boundTo(tenantId, webhookId), SECRET_BYTES);
    try {
      const { id, at, body } = message;
      return new Webhook(secret.bytes, { format: 'raw' }).sign(id, at, body);
    } finally {
      secret.zero();
    }
  }
}

const boundTo = (tenantId: string, webhookId: string): Buffer =>
  aad(['chancery/webhook-secret/v1', tenantId, webhookId]);
