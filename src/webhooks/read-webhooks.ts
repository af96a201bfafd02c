import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { notFound } from '../platform/http/http.errors.js';
import { type DeliveryRow, listDeliveries } from './deliveries.repository.js';
import type { DeliveryState } from './delivery.js';
import { findWebhook, listWebhooks, type WebhookRow } from './webhooks.repository.js';

/** The webhooks of a tenant, and the log of one. */
@Injectable()
export class ReadWebhooks {
  constructor(private readonly database: TenantDatabase) {}

  list(tenantId: string, afterId: string | undefined, limit: number): Promise<WebhookRow[]> {
    return this.database.inTenant(tenantId, (tx) => listWebhooks(tx, afterId, limit), { readOnly: true });
  }

  show(tenantId: string, id: string): Promise<WebhookRow> {
    const find = this.database.inTenant(tenantId, (tx) => findWebhook(tx, id), { readOnly: true });
    return find.then((found) => {
      if (found === undefined) throw notFound();
      return found;
    });
  }

  /** Newest first. */
  deliveries(
    tenantId: string,
    webhookId: string,
    page: {
      readonly state?: DeliveryState | undefined;
      readonly beforeId?: string | undefined;
      readonly limit: number;
    },
  ): Promise<DeliveryRow[]> {
    return this.database.inTenant(
      tenantId,
      async (tx) => {
        if ((await findWebhook(tx, webhookId)) === undefined) throw notFound();
        return listDeliveries(tx, webhookId, page);
      },
      { readOnly: true },
    );
  }
}
