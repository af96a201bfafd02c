import { ProblemError } from '../platform/http/problem.js';

export const wrongPassword = () =>
  new ProblemError({ code: 'wrong_password', status: 403, title: 'Wrong master password' });

export const weakPassword = (charactersMin: number) =>
  new ProblemError({
    code: 'weak_password',
    status: 400,
    title: 'The master password is too short',
    detail: `A master password has at least ${charactersMin} characters. Nobody can recover it: write it down somewhere safe.`,
  });

export const vaultAlreadyInitialized = () =>
  new ProblemError({
    code: 'vault_already_initialized',
    status: 409,
    title: 'The vault has a master password already',
  });

export const vaultNotInitialized = () =>
  new ProblemError({ code: 'vault_not_initialized', status: 409, title: 'The vault has no master password yet' });

export const vaultSealedMeanwhile = () =>
  new ProblemError({
    code: 'vault_sealed_meanwhile',
    status: 409,
    title: 'The vault was sealed in the meantime',
    detail:
      'Somebody sealed it while the password was being checked. It is sealed; ask them before you unseal it again.',
  });

export const vaultSealed = () =>
  new ProblemError({
    code: 'vault_sealed',
    status: 503,
    title: 'The vault is sealed',
    detail: 'Nothing can be encrypted or decrypted until a person unseals it.',
  });

/** The keyring does not hold what it must. Names files and tenants, never keys. */
export class KeyringError extends Error {
  override readonly name = 'KeyringError';
}

/** A credential's ciphertext does not belong to the place it was found in, or was altered. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
  constructor() {
    super('The stored credential does not open where it stands');
  }
}
