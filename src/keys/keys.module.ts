import { Module, type OnModuleInit } from '@nestjs/common';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { Clock } from '../platform/clock.js';
import { ReadinessChecks } from '../platform/health/readiness-checks.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { PasswordAttempts } from './attempts.js';
import { InitializeVault } from './initialize-vault.js';
import { Keyring } from './keyring.js';
import { LocalKeyProvider } from './local-key-provider.js';
import { SealVault } from './seal-vault.js';
import { TenantKeys } from './tenant-keys.js';
import { UnsealVault } from './unseal-vault.js';
import { VaultController, VaultStateController } from './vault.controller.js';
import { Vault } from './vault.js';

@Module({
  controllers: [VaultStateController, VaultController],
  providers: [
    {
      provide: LocalKeyProvider,
      inject: [CONFIG],
      useFactory: ({ keyringDir }: Config) => new LocalKeyProvider({ directory: keyringDir }),
    },
    {
      provide: TenantKeys,
      inject: [LocalKeyProvider, CONFIG],
      useFactory: (provider: LocalKeyProvider, { keyringDir }: Config) =>
        new TenantKeys({ provider, keyring: new Keyring({ directory: keyringDir }) }),
    },
    {
      provide: Vault,
      inject: [LocalKeyProvider, TenantKeys, CONFIG, Clock],
      useFactory: (provider: LocalKeyProvider, tenantKeys: TenantKeys, { keyringDir }: Config, clock: Clock) => {
        const attempts = new PasswordAttempts({ directory: keyringDir, now: () => clock.now() });
        return new Vault({ provider, attempts, tenantKeys });
      },
    },
    InitializeVault,
    UnsealVault,
    SealVault,
  ],
  exports: [TenantKeys, Vault],
})
export class KeysModule implements OnModuleInit {
  constructor(
    private readonly vault: Vault,
    private readonly readiness: ReadinessChecks,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    // Sealed is ready: brakes, tokens, audit and listings go on working (P7).
    this.readiness.add('vault', () => ({ ready: true, state: this.vault.state() }));
    this.metrics.gauge('chancery_vault_sealed', 'Whether this process can decrypt nothing.', () =>
      Number(this.vault.state() !== 'unsealed'),
    );
  }
}
