import { Injectable } from '@nestjs/common';
import { scramVerifier, TENANT_GROUP, tenantRole } from '../platform/database/roles.js';
import { ServiceDatabase } from '../platform/database/service-database.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';

const ROLE_EXISTS = '42710';

/** Gives a tenant its PostgreSQL login. Repeating it sets the password again, so a rotated platform secret heals here. */
@Injectable()
export class ProvisionRole {
  constructor(
    private readonly services: ServiceDatabase,
    private readonly secret: PlatformSecret,
  ) {}

  async execute(tenantId: string): Promise<void> {
    const role = tenantRole(tenantId);
    const password = this.secret.derive(`role-password/${role}`).toString('base64url');
    const options = `login password '${scramVerifier(password)}'`;
    try {
      await this.services.provisioner.query(`create role ${role} ${options} in role ${TENANT_GROUP}`);
    } catch (error) {
      if ((error as { code?: string }).code !== ROLE_EXISTS) throw error;
      await this.services.provisioner.query(`alter role ${role} ${options}`);
    }
  }
}
