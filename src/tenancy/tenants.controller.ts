import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Idempotent } from '../platform/http/idempotent.js';
import { Cursors, pageQuery } from '../platform/http/pagination.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { publicId } from '../platform/ids.js';
import { ADMINS, Allow, Caller, READERS } from './access.js';
import { CreateTenant } from './create-tenant.js';
import { Directory } from './directory.js';
import { actorOf, type Principal } from './principal.js';
import { newTenantView, tenantBody, tenantList, viewNewMember, viewTenant } from './tenancy.schema.js';

@Controller('v1/tenants')
@OnSurface('ops')
export class TenantsController {
  constructor(
    private readonly createTenant: CreateTenant,
    private readonly directory: Directory,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Allow(READERS)
  @Returns(tenantList, { summary: 'The tenants of this deployment' })
  async list(@Caller() principal: Principal, @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>) {
    const scope = { tenantId: principal.tenantId, list: 'tenants' };
    const after = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.directory.list(after, query.limit + 1);
    return this.cursors.page(rows, { limit: query.limit, scope, position: (row) => row.id, view: viewTenant });
  }

  @Post()
  @Allow(ADMINS)
  @Idempotent()
  @Returns(newTenantView, { status: 201, summary: 'Create a tenant with its first owner and service key' })
  async create(@Caller() principal: Principal, @Body({ schema: tenantBody }) body: z.output<typeof tenantBody>) {
    const input = { namespace: body.namespace, name: body.name, ownerEmail: body.owner_email };
    const { tenant, owner, serviceKey } = await this.createTenant.execute(actorOf(principal), input);
    const { id, email, password, otpauth_uri } = viewNewMember(owner);
    return {
      ...viewTenant(tenant),
      owner: { id, email, password, otpauth_uri },
      service_key: { id: publicId('key', serviceKey.id), key: serviceKey.key },
    };
  }
}
