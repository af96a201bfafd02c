import { Body, Controller, Delete, Get, Param, Patch, Post, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Idempotent } from '../platform/http/idempotent.js';
import { Cursors, pageQuery } from '../platform/http/pagination.js';
import { Returns, ReturnsNothing } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { ADMINS, Allow, Caller, READERS, STOPPERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { ChangeCredential } from './change-credential.js';
import {
  bindingBody,
  changeBody,
  credentialList,
  credentialParam,
  credentialViewSchema,
  rotateBody,
  storeBody,
  viewCredential,
} from './credentials.schema.js';
import { bindingInput, changeInput, rotateInput, storeInput } from './credential-inputs.js';
import { DeleteCredential } from './delete-credential.js';
import { EditBinding } from './edit-binding.js';
import { ReadCredentials } from './read-credentials.js';
import { RotateCredential } from './rotate-credential.js';
import { StoreCredential } from './store-credential.js';

const name = { schema: credentialParam };

@Controller('v1/credentials')
@OnSurface('tenant')
export class CredentialsController {
  constructor(
    private readonly storeCredential: StoreCredential,
    private readonly readCredentials: ReadCredentials,
    private readonly rotateCredential: RotateCredential,
    private readonly editBinding: EditBinding,
    private readonly changeCredential: ChangeCredential,
    private readonly deleteCredential: DeleteCredential,
    private readonly cursors: Cursors,
  ) {}

  @Post()
  @Allow(ADMINS)
  @Idempotent()
  @Returns(credentialViewSchema, { status: 201, summary: 'Seal and store a credential' })
  async store(@Caller() principal: Principal, @Body({ schema: storeBody }) body: z.output<typeof storeBody>) {
    return viewCredential(await this.storeCredential.execute(principal, storeInput(body)));
  }

  @Get()
  @Allow(READERS)
  @Returns(credentialList, { summary: 'The credentials, without their values' })
  async list(@Caller() { tenantId }: Principal, @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>) {
    const scope = { tenantId, list: 'credentials' };
    const after = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.readCredentials.list(tenantId, after, query.limit + 1);
    return this.cursors.page(rows, { limit: query.limit, scope, position: (row) => row.id, view: viewCredential });
  }

  @Get(':name')
  @Allow(READERS)
  @Returns(credentialViewSchema, { summary: 'One credential, without its value' })
  async show(@Caller() { tenantId }: Principal, @Param('name', name) label: string) {
    return viewCredential(await this.readCredentials.show(tenantId, label));
  }

  @Post(':name/rotate')
  @Allow(ADMINS)
  @Returns(credentialViewSchema, { summary: 'Replace the value; the old one may stay usable for a grace period' })
  async rotate(
    @Caller() principal: Principal,
    @Param('name', name) label: string,
    @Body({ schema: rotateBody }) body: z.output<typeof rotateBody>,
  ) {
    return viewCredential(await this.rotateCredential.execute(principal, label, rotateInput(body)));
  }

  @Put(':name/binding')
  @Allow(ADMINS)
  @Returns(credentialViewSchema, { summary: 'Change where the credential may go' })
  async bind(
    @Caller() principal: Principal,
    @Param('name', name) label: string,
    @Body({ schema: bindingBody }) body: z.output<typeof bindingBody>,
  ) {
    return viewCredential(await this.editBinding.execute(principal, label, bindingInput(body)));
  }

  @Patch(':name')
  @Allow(ADMINS)
  @Returns(credentialViewSchema, {
    summary: 'Change who may use the credential and how; to ask people less takes a person',
  })
  async change(
    @Caller() principal: Principal,
    @Param('name', name) label: string,
    @Body({ schema: changeBody }) body: z.output<typeof changeBody>,
  ) {
    return viewCredential(await this.changeCredential.execute(principal, label, changeInput(body)));
  }

  @Delete(':name')
  @Allow(STOPPERS)
  @ReturnsNothing({ summary: 'Delete a credential and its grants; calls that use it are cut' })
  remove(@Caller() principal: Principal, @Param('name', name) label: string): Promise<void> {
    return this.deleteCredential.execute(principal, label);
  }
}
