import { Injectable } from '@nestjs/common';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { confirmationMissing } from './brakes.errors.js';
import { type BrakeRow, clearBrake, findBrake } from './brakes.repository.js';
import { GlobalBrake } from './global-brake.js';

export const GLOBAL_CONFIRMATION = 'clear the global brake';

/** Lets go of a brake: a human act, which the route sees to; the global one wants its name typed. Clearing twice changes nothing. */
@Injectable()
export class ClearBrake {
  constructor(
    private readonly acts: Acts,
    private readonly global: GlobalBrake,
  ) {}

  async execute(principal: Principal, id: string, input: { reason: string; confirm?: string }): Promise<BrakeRow> {
    const brake = await this.acts.run(
      principal.tenantId,
      async ({ tx, chain, nowMs }) => {
        const found = await findBrake(tx, id);
        if (found === undefined) throw notFound();
        if (found.scope === 'global' && input.confirm !== GLOBAL_CONFIRMATION) throw confirmationMissing();
        if (found.clearedAt !== null) return found;
        const actor = actorOf(principal);
        const details = { brake: publicId('brk', id), scope: found.scope, reason: input.reason };
        await chain.append({ actor, action: 'brake.clear', outcome: 'success', details });
        return clearBrake(tx, id, { at: new Date(nowMs), by: actor, reason: input.reason });
      },
      'control',
    );
    if (brake.scope === 'global') await this.global.refresh();
    return brake;
  }
}
