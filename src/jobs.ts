import type { INestApplicationContext } from '@nestjs/common';
import { ChainHeads } from './audit/chain-heads.js';
import { EVENTS_QUEUE } from './audit/notable.js';
import { SignCheckpoints } from './audit/sign-checkpoints.js';
import { SweepIntents } from './audit/sweep-intents.js';
import { VerifyChains } from './audit/verify-chains.js';
import { ExpireApprovals } from './credentials/approvals/expire-approvals.js';
import { RetireVersions } from './credentials/retire-versions.js';
import { FollowOverdue } from './identity/behaviour/follow-overdue.js';
import { PruneProofs } from './identity/prune-proofs.js';
import { type CheckResult, ReadinessChecks } from './platform/health/readiness-checks.js';
import type { JobQueue } from './platform/queue/job-queue.js';
import type { OutboxQueue } from './platform/queue/outbox-queue.js';
import { Metrics } from './platform/telemetry/metrics.js';
import { PruneAnswers } from './tenancy/prune-answers.js';
import { DeliverWebhook } from './webhooks/deliver-webhook.js';
import { DELIVERIES_QUEUE } from './webhooks/dispatch.js';
import { PruneDeliveries } from './webhooks/prune-deliveries.js';
import { TellWebhooks } from './webhooks/tell-webhooks.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Every job of the deployment in one place; each may run twice, and says in the database what it did. */
export function scheduleJobs(queue: JobQueue, app: INestApplicationContext, everyMs: number): void {
  const checkpoints = app.get(SignCheckpoints);
  const sweep = app.get(SweepIntents);
  queue.schedule('sign-checkpoints', { everyMs }, async (signal) => void (await checkpoints.execute(signal)));
  queue.schedule('sweep-intents', { everyMs }, async (signal) => void (await sweep.execute(signal)));

  const uses = app.get(FollowOverdue);
  queue.schedule('follow-uses', { everyMs }, async (signal) => uses.execute(signal));

  const verify = app.get(VerifyChains);
  const daily = { everyMs: DAY_MS, timeoutMs: DAY_MS / 4 };
  queue.schedule('verify-chains', daily, (signal) => verify.execute(signal));

  const heads = app.get(ChainHeads);
  const perTenant = [
    app.get(PruneProofs),
    app.get(RetireVersions),
    app.get(ExpireApprovals),
    app.get(PruneAnswers),
    app.get(PruneDeliveries),
  ];
  queue.schedule('housekeeping', { everyMs: HOUR_MS }, async (signal) => {
    for await (const { tenantId } of heads.all()) {
      signal.throwIfAborted();
      for (const work of perTenant) await work.execute(tenantId);
    }
  });
}

/** What is done with the work that acts leave in the outbox. */
export function handleOutbox(outbox: OutboxQueue, app: INestApplicationContext): void {
  const [tell, deliver] = [app.get(TellWebhooks), app.get(DeliverWebhook)];
  outbox.handle(EVENTS_QUEUE, (work) => tell.execute(work));
  outbox.handle(DELIVERIES_QUEUE, (work) => deliver.execute(work));
}

/** One answer for both: whoever asks wants to know whether jobs run. */
export function reportQueues(app: INestApplicationContext, queues: readonly Pick<JobQueue, 'health'>[]): void {
  const health = (): CheckResult => {
    const states = queues.map((queue) => queue.health());
    return states.find(({ ready }) => !ready) ?? { ready: true, state: 'ok' };
  };
  app.get(ReadinessChecks).add('queue', health);
  app.get(Metrics).gauge('chancery_queue_ready', 'Whether the jobs of this process run.', () => Number(health().ready));
}
