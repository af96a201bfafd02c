import { Injectable } from '@nestjs/common';
import { watchChain } from '../audit/watch-chain.js';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { changeWebhook, findWebhook, listWebhooks } from './webhooks.repository.js';

/** Nothing more is sent there; what is under way is dropped when it comes up, and the secrets are overwritten. */
@Injectable()
export class DeleteWebhook {
  constructor(private readonly acts: Acts) {}

  execute(principal: Principal, id: string): Promise<void> {
    const remove = this.acts.run(
      principal.tenantId,
      async ({ tx, chain, nowMs }) => {
        if ((await findWebhook(tx, id)) === undefined) throw notFound();
        const details = { webhook: publicId('whk', id) };
        await chain.append({ actor: actorOf(principal), action: 'webhook.delete', outcome: 'success', details });
        const at = new Date(nowMs);
        const gone = { secret: Buffer.alloc(0), previousSecret: null, previousUntil: null };
        await changeWebhook(tx, id, { ...gone, deletedAt: at, updatedAt: at });
        await watchChain(tx, (await listWebhooks(tx, undefined, 1)).length > 0);
      },
      'control',
    );
    return remove;
  }
}
