import { Injectable } from '@nestjs/common';
import type { Tier } from '@chancery/protocol/tiers.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { assertHumanAct } from '../tenancy/human-act.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { checkInjection } from './check-injection.js';
import { type CredentialView, credentialView } from './credential.js';
import { credentialNotFound } from './credentials.errors.js';
import { type CredentialRow, findCredential, liveVersions, updateCredential } from './credentials.repository.js';
import type { Injection } from './injection.js';
import type { Approval, UseLimits } from './protection.js';

/** What is left out stays as it is. */
export interface CredentialChange {
  readonly minimumTier?: Tier | undefined;
  readonly injection?: Injection | null | undefined;
  readonly approval?: Approval | undefined;
  readonly limits?: UseLimits | undefined;
}

type Settings = Pick<CredentialRow, 'injection' | 'approval' | 'perMinute'>;

/** Changes who may use a credential and how, not where it may go; the next call already sees it. */
@Injectable()
export class ChangeCredential {
  constructor(private readonly acts: Acts) {}

  execute(principal: Principal, name: string, change: CredentialChange): Promise<CredentialView> {
    return this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      const row = await findCredential(tx, name);
      if (row === undefined) throw credentialNotFound();
      const before: Settings = { injection: row.injection, approval: row.approval, perMinute: row.perMinute };
      const after = settingsAfter(before, change);
      // Asking people less is for a person to decide; asking them more is for anybody who administers.
      if (before.approval !== 'none' && after.approval === 'none') assertHumanAct(principal, nowMs);
      const versions = await liveVersions(tx, [row.id]);
      const minimumTier = change.minimumTier ?? row.minimumTier;
      const view = credentialView({ ...row, ...after, minimumTier, updatedAt: new Date(nowMs) }, versions);
      checkInjection(after.injection, view.fields, view.binding);
      await updateCredential(tx, row.id, { ...after, minimumTier, updatedAt: view.updatedAt });
      const [actor, outcome] = [actorOf(principal), 'success'];
      const details = { credential: publicId('crd', row.id), name };
      if (change.minimumTier !== undefined) {
        const tier = { from: row.minimumTier, to: minimumTier };
        await chain.append({ actor, action: 'credential.tier', outcome, details: { ...details, ...tier } });
      }
      if (change.injection !== undefined || change.approval !== undefined || change.limits !== undefined) {
        const settings = { from: shown(before), to: shown(after) };
        await chain.append({ actor, action: 'credential.change', outcome, details: { ...details, ...settings } });
      }
      return view;
    });
  }
}

const settingsAfter = (before: Settings, { injection, approval, limits }: CredentialChange): Settings => ({
  injection: injection === undefined ? before.injection : injection,
  approval: approval ?? before.approval,
  perMinute: limits === undefined ? before.perMinute : limits.perMinute,
});

const shown = ({ injection, approval, perMinute }: Settings) => ({ injection, approval, per_minute: perMinute });
