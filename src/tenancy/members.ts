import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { violatedConstraint } from '../platform/database/database.errors.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { type Act, Acts } from './acts.js';
import {
  countOwners,
  findMember,
  insertMember,
  listMembers,
  type MemberRow,
  removeMember,
} from './members.repository.js';
import { MemberFactory, type NewMember } from './new-member.js';
import { actorOf, type MemberRole, type Principal } from './principal.js';
import { lastOwner, nameTaken } from './tenancy.errors.js';

/** The people of a tenant: who they are, letting one in, showing one out. */
@Injectable()
export class Members {
  constructor(
    private readonly database: TenantDatabase,
    private readonly factory: MemberFactory,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {}

  list(tenantId: string, afterId: string | undefined, limit: number): Promise<MemberRow[]> {
    return this.database.inTenant(tenantId, (tx) => listMembers(tx, afterId, limit), { readOnly: true });
  }

  async add(principal: Principal, email: string, role: MemberRole): Promise<NewMember> {
    const made = await this.factory.make(principal.tenantId, email, role, this.clock.now());
    try {
      await this.acts.run(principal.tenantId, async ({ tx, chain }) => {
        await insertMember(tx, made.row);
        const details = { member: publicId('mem', made.row.id), role };
        await chain.append({ actor: actorOf(principal), action: 'member.add', outcome: 'success', details });
      });
    } catch (error) {
      if (violatedConstraint(error) === 'members_email') throw nameTaken('e-mail address');
      throw error;
    }
    return made;
  }

  /** Their sessions end with them. */
  async remove(principal: Principal, id: string): Promise<void> {
    const work = async ({ tx, chain, nowMs }: Act): Promise<void> => {
      const member = await findMember(tx, id);
      if (member === undefined) throw notFound();
      if (member.role === 'owner' && (await countOwners(tx)) === 1) throw lastOwner();
      await removeMember(tx, id, new Date(nowMs));
      const details = { member: publicId('mem', id) };
      await chain.append({ actor: actorOf(principal), action: 'member.remove', outcome: 'success', details });
    };
    await this.acts.run(principal.tenantId, work, 'control');
  }
}
