import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { type BrakeRow, listBrakes } from './brakes.repository.js';

/** The brakes of a tenant, oldest first, those that are on or all there ever were. */
@Injectable()
export class ListBrakes {
  constructor(private readonly database: TenantDatabase) {}

  execute(tenantId: string, activeOnly: boolean, afterId: string | undefined, limit: number): Promise<BrakeRow[]> {
    return this.database.inTenant(tenantId, (tx) => listBrakes(tx, activeOnly, afterId, limit), { readOnly: true });
  }
}
