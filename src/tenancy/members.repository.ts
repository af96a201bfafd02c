import { and, asc, eq, gt, isNull, lt } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { members, memberSessions } from './members.table.js';

export type MemberRow = typeof members.$inferSelect;
export type MemberSessionRow = typeof memberSessions.$inferSelect;

export async function insertMember(tx: TenantTx, row: Omit<typeof members.$inferInsert, 'tenantId'>): Promise<void> {
  await tx.db.insert(members).values({ ...row, tenantId: tx.tenantId });
}

export async function findMemberByEmail(tx: TenantTx, email: string): Promise<MemberRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(members)
    .where(and(eq(members.tenantId, tx.tenantId), eq(members.email, email), isNull(members.removedAt)));
  return row;
}

export async function findMember(tx: TenantTx, id: string): Promise<MemberRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(members)
    .where(and(eq(members.tenantId, tx.tenantId), eq(members.id, id), isNull(members.removedAt)));
  return row;
}

export async function listMembers(tx: TenantTx, afterId: string | undefined, limit: number): Promise<MemberRow[]> {
  const after = afterId === undefined ? undefined : gt(members.id, afterId);
  return tx.db
    .select()
    .from(members)
    .where(and(eq(members.tenantId, tx.tenantId), isNull(members.removedAt), after))
    .orderBy(asc(members.id))
    .limit(limit);
}

export async function countOwners(tx: TenantTx): Promise<number> {
  return tx.db.$count(
    members,
    and(eq(members.tenantId, tx.tenantId), eq(members.role, 'owner'), isNull(members.removedAt)),
  );
}

export async function removeMember(tx: TenantTx, id: string, at: Date): Promise<void> {
  await tx.db
    .update(members)
    .set({ removedAt: at })
    .where(and(eq(members.tenantId, tx.tenantId), eq(members.id, id)));
  await tx.db
    .update(memberSessions)
    .set({ revokedAt: at })
    .where(
      and(eq(memberSessions.tenantId, tx.tenantId), eq(memberSessions.memberId, id), isNull(memberSessions.revokedAt)),
    );
}

/** True once per code: the step moves forward or the code was used already. */
export async function spendTotpStep(tx: TenantTx, memberId: string, step: number): Promise<boolean> {
  const spent = await tx.db
    .update(members)
    .set({ totpLastStep: step })
    .where(and(eq(members.tenantId, tx.tenantId), eq(members.id, memberId), lt(members.totpLastStep, step)))
    .returning({ id: members.id });
  return spent.length === 1;
}

export async function insertMemberSession(
  tx: TenantTx,
  row: Omit<typeof memberSessions.$inferInsert, 'tenantId'>,
): Promise<void> {
  await tx.db.insert(memberSessions).values({ ...row, tenantId: tx.tenantId });
}

export async function findMemberSession(
  tx: TenantTx,
  id: string,
): Promise<{ session: MemberSessionRow; member: MemberRow } | undefined> {
  const [row] = await tx.db
    .select({ session: memberSessions, member: members })
    .from(memberSessions)
    .innerJoin(members, and(eq(members.tenantId, memberSessions.tenantId), eq(members.id, memberSessions.memberId)))
    .where(
      and(
        eq(memberSessions.tenantId, tx.tenantId),
        eq(memberSessions.id, id),
        isNull(memberSessions.revokedAt),
        isNull(members.removedAt),
      ),
    );
  return row;
}

export async function renewFactor(tx: TenantTx, sessionId: string, at: Date): Promise<void> {
  await tx.db
    .update(memberSessions)
    .set({ factorAt: at })
    .where(and(eq(memberSessions.tenantId, tx.tenantId), eq(memberSessions.id, sessionId)));
}

export async function endMemberSession(tx: TenantTx, sessionId: string, at: Date): Promise<void> {
  await tx.db
    .update(memberSessions)
    .set({ revokedAt: at })
    .where(and(eq(memberSessions.tenantId, tx.tenantId), eq(memberSessions.id, sessionId)));
}
