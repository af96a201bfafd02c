import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { refused } from '../proxy/proxy.errors.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { readWebhookUrl } from './webhook-url.js';
import { changeWebhook, findWebhook, type WebhookChange, type WebhookRow } from './webhooks.repository.js';

export interface UpdateWebhookInput {
  readonly url?: string | undefined;
  readonly events?: readonly string[] | undefined;
  readonly description?: string | null | undefined;
  readonly state?: 'active' | 'disabled' | undefined;
}

/** Changes where and of what is told, or whether at all. What is under way goes to where the webhook points by then. */
@Injectable()
export class UpdateWebhook {
  constructor(
    private readonly acts: Acts,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(principal: Principal, id: string, input: UpdateWebhookInput): Promise<WebhookRow> {
    const { change, told } = this.#read(input);
    return this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      if ((await findWebhook(tx, id)) === undefined) throw notFound();
      const details = { webhook: publicId('whk', id), ...told };
      await chain.append({ actor: actorOf(principal), action: 'webhook.update', outcome: 'success', details });
      return changeWebhook(tx, id, { ...change, updatedAt: new Date(nowMs) });
    });
  }

  #read({ url, events, description, state }: UpdateWebhookInput): { change: WebhookChange; told: object } {
    const target =
      url === undefined ? null : readWebhookUrl(url, { allowCleartext: this.config.environment !== 'production' });
    if (target?.ok === false) throw refused(target);
    return {
      change: {
        ...(target === null ? {} : { url: target.value.url }),
        ...(events === undefined ? {} : { events }),
        ...(description === undefined ? {} : { description }),
        ...(state === undefined ? {} : { state, disabledReason: state === 'disabled' ? 'by hand' : null }),
        ...(state === 'active' ? { failingSince: null } : {}),
      },
      told: {
        ...(target === null ? {} : { host: target.value.host }),
        ...(events === undefined ? {} : { events }),
        ...(state === undefined ? {} : { state }),
      },
    };
  }
}
