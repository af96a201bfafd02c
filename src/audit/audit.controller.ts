import { Readable } from 'node:stream';
import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import type { z } from 'zod';
import { EXPORT_MEDIA_TYPE } from '@chancery/protocol/audit-export.js';
import { Cursors } from '../platform/http/pagination.js';
import { Returns, ReturnsRaw } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { Allow, Caller, READERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { entriesQuery, entryList, verificationView, viewEntry } from './audit.schema.js';
import { ExportChain } from './export-chain.js';
import { ListEntries } from './list-entries.js';
import { ReportFinding } from './report-finding.js';
import { VerifyChain } from './verify-chain.js';

/** A tenant reads its own chain; on the ops surface the operator reads the platform's. */
@Controller('v1/audit')
@OnSurface('tenant', 'ops')
export class AuditController {
  constructor(
    private readonly listEntries: ListEntries,
    private readonly verifyChain: VerifyChain,
    private readonly reportFinding: ReportFinding,
    private readonly exportChain: ExportChain,
    private readonly cursors: Cursors,
  ) {}

  @Get('entries')
  @Allow(READERS)
  @Returns(entryList, { summary: 'The audit log, oldest first unless asked otherwise' })
  async entries(
    @Caller() { tenantId }: Principal,
    @Query({ schema: entriesQuery }) query: z.output<typeof entriesQuery>,
  ) {
    const scope = { tenantId, list: `audit/${query.order}` };
    const from = query.cursor === undefined ? undefined : this.cursors.open<number>(scope, query.cursor);
    const rows = await this.listEntries.execute(tenantId, { order: query.order, after: from, limit: query.limit + 1 });
    return this.cursors.page(rows, { limit: query.limit, scope, position: ({ entry }) => entry.seq, view: viewEntry });
  }

  @Get('verification')
  @Allow(READERS)
  @Returns(verificationView, { summary: 'Verify every link and every checkpoint' })
  async verification(@Caller() { tenantId }: Principal) {
    const found = await this.verifyChain.execute(tenantId);
    await this.reportFinding.execute(tenantId, found);
    return found;
  }

  @Get('export')
  @Allow(READERS)
  @ReturnsRaw(EXPORT_MEDIA_TYPE, { summary: 'The whole chain with its checkpoints, to be verified anywhere' })
  async export(@Caller() { tenantId }: Principal): Promise<StreamableFile> {
    return new StreamableFile(Readable.from(await this.exportChain.execute(tenantId)), { type: EXPORT_MEDIA_TYPE });
  }
}
