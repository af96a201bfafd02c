import type { INestApplicationContext } from '@nestjs/common';
import { ChainHeads } from './audit/chain-heads.js';
import { SignCheckpoints } from './audit/sign-checkpoints.js';
import { SweepIntents } from './audit/sweep-intents.js';
import { RetireVersions } from './credentials/retire-versions.js';
import { FollowOverdue } from './identity/behaviour/follow-overdue.js';
import { PruneProofs } from './identity/prune-proofs.js';
import { ReadinessChecks } from './platform/health/readiness-checks.js';
import type { JobQueue } from './platform/queue/job-queue.js';
import { PruneAnswers } from './tenancy/prune-answers.js';

const HOUR_MS = 3_600_000;

/** Every job of the deployment in one place; each may run twice, and says in the database what it did. */
export function scheduleJobs(queue: JobQueue, app: INestApplicationContext, everyMs: number): void {
  const checkpoints = app.get(SignCheckpoints);
  const sweep = app.get(SweepIntents);
  queue.schedule('sign-checkpoints', { everyMs }, async (signal) => void (await checkpoints.execute(signal)));
  queue.schedule('sweep-intents', { everyMs }, async (signal) => void (await sweep.execute(signal)));

  const uses = app.get(FollowOverdue);
  queue.schedule('follow-uses', { everyMs }, async (signal) => uses.execute(signal));

  const heads = app.get(ChainHeads);
  const perTenant = [app.get(PruneProofs), app.get(RetireVersions), app.get(PruneAnswers)];
  queue.schedule('housekeeping', { everyMs: HOUR_MS }, async (signal) => {
    for await (const { tenantId } of heads.all()) {
      signal.throwIfAborted();
      for (const work of perTenant) await work.execute(tenantId);
    }
  });

  app.get(ReadinessChecks).add('queue', () => queue.health());
}
