import { Controller, Post } from '@nestjs/common';
import { z } from 'zod';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { ADMINS, Allow, Caller } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { RotateTenantKey } from './rotate-tenant-key.js';

const rotatedView = z.object({
  version: z.number().int().meta({ description: 'The key-encryption key in use now.' }),
  rewrapped: z.number().int().meta({ description: 'Credential versions moved under it.' }),
});

@Controller('v1/encryption-key')
@OnSurface('tenant')
export class EncryptionKeyController {
  constructor(private readonly rotateTenantKey: RotateTenantKey) {}

  @Post('rotate')
  @Allow(ADMINS)
  @Returns(rotatedView, { summary: 'Make a new key-encryption key; no credential is decrypted' })
  rotate(@Caller() principal: Principal) {
    return this.rotateTenantKey.execute(principal);
  }
}
