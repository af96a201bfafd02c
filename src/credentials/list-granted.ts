import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { namesGrantedTo } from './grants.repository.js';

/** What an agent may know of the credentials it was granted: their names. Where they may go is not its business. */
@Injectable()
export class ListGranted {
  constructor(private readonly database: TenantDatabase) {}

  /** By name, those behind `afterName`. */
  execute(tenantId: string, agentId: string, afterName: string | undefined, limit: number): Promise<string[]> {
    return this.database.inTenant(tenantId, (tx) => namesGrantedTo(tx, agentId, afterName, limit), { readOnly: true });
  }
}
