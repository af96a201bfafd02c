import { Body, Controller, Get, Post } from '@nestjs/common';
import { Secret } from '../platform/crypto/secret.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { Allow, BRAKERS, Caller, HUMANS, OWNERS, READERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { InitializeVault } from './initialize-vault.js';
import { SealVault } from './seal-vault.js';
import { UnsealVault } from './unseal-vault.js';
import { Vault } from './vault.js';
import { passwordRequest, type PasswordRequest, sealRequest, type SealRequest, vaultView } from './vault.schema.js';

@Controller('v1/vault')
@OnSurface('tenant', 'ops')
export class VaultStateController {
  constructor(private readonly vault: Vault) {}

  @Get()
  @Allow(READERS)
  @Returns(vaultView, {
    summary: 'Whether this node can decrypt; a seal is for every node, each is unsealed on its own',
  })
  state() {
    return { state: this.vault.state() };
  }
}

@Controller('v1/vault')
@OnSurface('ops')
export class VaultController {
  constructor(
    private readonly initializeVault: InitializeVault,
    private readonly unsealVault: UnsealVault,
    private readonly sealVault: SealVault,
  ) {}

  @Post('initialize')
  @Allow(OWNERS)
  @Returns(vaultView, { summary: 'Set the master password, once' })
  async initialize(@Caller() principal: Principal, @Body({ schema: passwordRequest }) { password }: PasswordRequest) {
    return { state: await lending(password, (secret) => this.initializeVault.execute(principal, secret)) };
  }

  @Post('unseal')
  @Allow(HUMANS)
  @Returns(vaultView, { summary: 'Unseal with the master password' })
  async unseal(@Caller() principal: Principal, @Body({ schema: passwordRequest }) { password }: PasswordRequest) {
    return { state: await lending(password, (secret) => this.unsealVault.execute(principal, secret)) };
  }

  @Post('seal')
  @Allow(BRAKERS)
  @Returns(vaultView, { summary: 'Wipe every key from memory, at once' })
  async seal(@Caller() principal: Principal, @Body({ schema: sealRequest }) { reason }: SealRequest) {
    return { state: await this.sealVault.execute(principal, reason) };
  }
}

async function lending<T>(password: string, use: (secret: Secret) => Promise<T>): Promise<T> {
  const secret = Secret.fromUtf8(password);
  try {
    return await use(secret);
  } finally {
    secret.zero();
  }
}
