import type { PlatformSecret } from '../crypto/platform-secret.js';
import type { RolePassword } from './database-address.js';

/** A role's password is derived, so none is stored and every node knows all of them. */
export function rolePasswords(secret: PlatformSecret): RolePassword {
  return (role) => secret.derive(`role-password/${role}`).toString('base64url');
}
