import { Injectable } from '@nestjs/common';
import { orUnavailable } from '../platform/database/database.errors.js';
import { scramVerifier, TENANT_GROUP, tenantRole } from '../platform/database/roles.js';
import { ServiceDatabase } from '../platform/database/service-database.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';

const ROLE_EXISTS = '42710';
/**
 * Connections of one tenant from all nodes together: eight nodes of four, and of one more for the platform's leases.
 * Statements that never end can hold no more.
 */
const CONNECTIONS_MAX = 40;

/** Gives a tenant its PostgreSQL login. Repeating it sets the password again, so a rotated platform secret heals here. */
@Injectable()
export class ProvisionRole {
  constructor(
    private readonly services: ServiceDatabase,
    private readonly secret: PlatformSecret,
  ) {}

  execute(tenantId: string): Promise<void> {
    return orUnavailable(this.#provision(tenantId));
  }

  async #provision(tenantId: string): Promise<void> {
    const role = tenantRole(tenantId);
    const password = this.secret.derive(`role-password/${role}`).toString('base64url');
    const options = `login connection limit ${CONNECTIONS_MAX} password '${scramVerifier(password)}'`;
    // What the group may, but not to become it: its own settings belong to all tenants.
    const join = `grant ${TENANT_GROUP} to ${role} with inherit true, set false`;
    // Several statements of one query are one transaction: nobody meets a login that belongs nowhere.
    try {
      await this.services.provisioner.query(`create role ${role} ${options}; ${join}`);
    } catch (error) {
      if ((error as { code?: string }).code !== ROLE_EXISTS) throw error;
      await this.services.provisioner.query(`alter role ${role} ${options}; ${join}`);
    }
  }
}
