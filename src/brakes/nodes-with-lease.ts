import { Injectable } from '@nestjs/common';
import { LiveNodes } from '../audit/live-nodes.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { findLiveBootIds } from './node-leases.repository.js';

/** Tells the nodes that live by their leases. */
@Injectable()
export class NodesWithLease extends LiveNodes {
  constructor(private readonly database: TenantDatabase) {
    super();
  }

  override async bootIds(): Promise<ReadonlySet<string>> {
    const found = this.database.inTenant(PLATFORM_TENANT_ID, ({ client }) => findLiveBootIds(client), {
      readOnly: true,
    });
    return new Set(await found);
  }
}
