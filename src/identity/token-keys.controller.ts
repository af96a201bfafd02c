import { Controller, Post } from '@nestjs/common';
import { Idempotent } from '../platform/http/idempotent.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { ADMINS, Allow, Caller } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { tokenJwkView } from './oauth.schema.js';
import { TokenKeys } from './token-keys.js';

@Controller('v1/token-keys')
@OnSurface('ops')
export class TokenKeysController {
  constructor(private readonly tokenKeys: TokenKeys) {}

  @Post('rotate')
  @Allow(ADMINS)
  @Idempotent()
  @Returns(tokenJwkView, {
    status: 201,
    summary: 'Sign access tokens with a new key; the old one verifies until its last token is dead',
  })
  rotate(@Caller() principal: Principal) {
    return this.tokenKeys.rotate(principal);
  }
}
