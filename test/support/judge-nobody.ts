import type { INestApplicationContext } from '@nestjs/common';
import { FollowUses } from '../../src/identity/behaviour/follow-uses.js';

/** For agents that are refused on purpose, all the time: whoever goes on like that for a minute is demoted. */
export function judgeNobody(app: INestApplicationContext): void {
  jest.spyOn(app.get(FollowUses, { strict: false }), 'execute').mockResolvedValue(0);
}
