import { Injectable } from '@nestjs/common';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { SigningSecrets } from './signing-secret.js';
import { changeWebhook, findWebhook, type WebhookRow } from './webhooks.repository.js';

/** A new secret signs from now on, and the one before it as well until the overlap is over. */
@Injectable()
export class RotateSecret {
  constructor(
    private readonly acts: Acts,
    private readonly secrets: SigningSecrets,
  ) {}

  async execute(
    principal: Principal,
    id: string,
    overlapSeconds: number,
  ): Promise<{ webhook: WebhookRow; secret: string }> {
    const { shown, stored } = this.secrets.mint(principal.tenantId, id);
    const webhook = await this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      const found = await findWebhook(tx, id);
      if (found === undefined) throw notFound();
      const details = { webhook: publicId('whk', id), overlap_seconds: overlapSeconds };
      await chain.append({ actor: actorOf(principal), action: 'webhook.rotate_secret', outcome: 'success', details });
      const overlap =
        overlapSeconds === 0
          ? { previousSecret: null, previousUntil: null }
          : { previousSecret: found.secret, previousUntil: new Date(nowMs + overlapSeconds * 1_000) };
      return changeWebhook(tx, id, { secret: stored, ...overlap, updatedAt: new Date(nowMs) });
    });
    return { webhook, secret: shown };
  }
}
