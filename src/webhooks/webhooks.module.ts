import { Module } from '@nestjs/common';
import { CreateWebhook } from './create-webhook.js';
import { DeleteWebhook } from './delete-webhook.js';
import { DeliverWebhook } from './deliver-webhook.js';
import { DeliveriesController } from './deliveries.controller.js';
import { PruneDeliveries } from './prune-deliveries.js';
import { ReadWebhooks } from './read-webhooks.js';
import { RecordAttempt } from './record-attempt.js';
import { ReplayDeliveries } from './replay-deliveries.js';
import { RotateSecret } from './rotate-secret.js';
import { SendWebhook } from './send-webhook.js';
import { SigningSecrets } from './signing-secret.js';
import { TellWebhooks } from './tell-webhooks.js';
import { TestWebhook } from './test-webhook.js';
import { UpdateWebhook } from './update-webhook.js';
import { WebhooksController } from './webhooks.controller.js';

/** Telling tenants' own systems what stands in their chains. */
@Module({
  controllers: [WebhooksController, DeliveriesController],
  providers: [
    CreateWebhook,
    DeleteWebhook,
    DeliverWebhook,
    PruneDeliveries,
    ReadWebhooks,
    RecordAttempt,
    ReplayDeliveries,
    RotateSecret,
    SendWebhook,
    SigningSecrets,
    TellWebhooks,
    TestWebhook,
    UpdateWebhook,
  ],
})
export class WebhooksModule {}
