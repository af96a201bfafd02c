import { Inject, Injectable } from '@nestjs/common';
import { watchChain } from '../audit/watch-chain.js';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { newUuid, publicId } from '../platform/ids.js';
import { refused } from '../proxy/proxy.errors.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { SigningSecrets } from './signing-secret.js';
import { readWebhookUrl } from './webhook-url.js';
import { webhookLimitReached } from './webhooks.errors.js';
import { insertWebhook, listWebhooks, type WebhookRow } from './webhooks.repository.js';

export const WEBHOOKS_MAX = 16;

export interface CreateWebhookInput {
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string | null;
}

/** From the entry of this act on, every notable entry of the chain is told there. The secret is shown once. */
@Injectable()
export class CreateWebhook {
  constructor(
    private readonly acts: Acts,
    private readonly secrets: SigningSecrets,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(principal: Principal, input: CreateWebhookInput): Promise<{ webhook: WebhookRow; secret: string }> {
    const target = readWebhookUrl(input.url, { allowCleartext: this.config.environment !== 'production' });
    if (!target.ok) throw refused(target);
    const id = newUuid();
    const { shown, stored } = this.secrets.mint(principal.tenantId, id);
    const webhook = await this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      if ((await listWebhooks(tx, undefined, WEBHOOKS_MAX)).length >= WEBHOOKS_MAX)
        throw webhookLimitReached(WEBHOOKS_MAX);
      // The host alone: the path of such a URL is often a secret of its own.
      const details = { webhook: publicId('whk', id), host: target.value.host, events: input.events };
      await chain.append({ actor: actorOf(principal), action: 'webhook.create', outcome: 'success', details });
      await watchChain(tx, true);
      const at = new Date(nowMs);
      const row = { ...input, url: target.value.url, state: 'active' as const, secret: stored };
      return insertWebhook(tx, { ...row, id, createdAt: at, updatedAt: at });
    });
    return { webhook, secret: shown };
  }
}
