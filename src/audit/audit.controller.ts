import { Readable } from 'node:stream';
import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { EXPORT_MEDIA_TYPE } from '@chancery/protocol/audit-export.js';
import type { z } from 'zod';
import { Cursors } from '../platform/http/pagination.js';
import { Returns, ReturnsRaw } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { Allow, Caller, READERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { entriesQuery, entryList, verificationView, viewEntry } from './audit.schema.js';
import { ExportChain } from './export-chain.js';
import { ListEntries } from './list-entries.js';
import { VerifyChain } from './verify-chain.js';

@Controller('v1/audit')
@OnSurface('tenant', 'ops')
export class AuditController {
  constructor(
    private readonly listEntries: ListEntries,
    private readonly verifyChain: VerifyChain,
    private readonly exportChain: ExportChain,
    private readonly cursors: Cursors,
  ) {}

  @Get('entries')
  @Allow(READERS)
  @Returns(entryList, { summary: 'The audit chain, a page at a time' })
  async entries(
    @Caller() { tenantId }: Principal,
    @Query({ schema: entriesQuery }) query: z.output<typeof entriesQuery>,
  ) {
    const { order, limit, cursor } = query;
    const scope = { tenantId, list: `audit/${order}` };
    const after = cursor === undefined ? undefined : this.cursors.open<number>(scope, cursor);
    const rows = await this.listEntries.execute(tenantId, { order, after, limit: limit + 1 });
    return this.cursors.page(rows, { limit, scope, position: (row) => row.entry.seq, view: viewEntry });
  }

  @Get('verification')
  @Allow(READERS)
  @Returns(verificationView, { summary: 'Check every link and checkpoint of the chain, now' })
  verification(@Caller() { tenantId }: Principal) {
    return this.verifyChain.execute(tenantId);
  }

  @Get('export')
  @Allow(READERS)
  @ReturnsRaw(EXPORT_MEDIA_TYPE, { summary: 'The chain and its checkpoints as lines that verify offline' })
  export(@Caller() { tenantId }: Principal): StreamableFile {
    return new StreamableFile(Readable.from(this.exportChain.execute(tenantId)), { type: EXPORT_MEDIA_TYPE });
  }
}
