import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Idempotent } from '../platform/http/idempotent.js';
import { Cursors, pageQuery } from '../platform/http/pagination.js';
import { Returns, ReturnsNothing } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { Allow, Caller, OWNERS, READERS } from './access.js';
import { Members } from './members.js';
import type { Principal } from './principal.js';
import { memberBody, memberList, newMemberView, viewMember, viewNewMember } from './tenancy.schema.js';

const memberId = idField('mem');

@Controller('v1/members')
@OnSurface('tenant', 'ops')
export class MembersController {
  constructor(
    private readonly members: Members,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Allow(READERS)
  @Returns(memberList, { summary: 'The people of this tenant' })
  async list(@Caller() principal: Principal, @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>) {
    const scope = { tenantId: principal.tenantId, list: 'members' };
    const after = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.members.list(principal.tenantId, after, query.limit + 1);
    return this.cursors.page(rows, { limit: query.limit, scope, position: (row) => row.id, view: viewMember });
  }

  @Post()
  @Allow(OWNERS)
  @Idempotent()
  @Returns(newMemberView, { status: 201, summary: 'Let a person in; the password and TOTP secret are shown once' })
  async add(@Caller() principal: Principal, @Body({ schema: memberBody }) body: z.output<typeof memberBody>) {
    return viewNewMember(await this.members.add(principal, body.email, body.role));
  }

  @Delete(':id')
  @Allow({ ...OWNERS, urgent: true })
  @ReturnsNothing({ summary: 'Show a person out; their sessions end' })
  remove(@Caller() principal: Principal, @Param('id', { schema: memberId }) id: string): Promise<void> {
    return this.members.remove(principal, id);
  }
}
