/** `global` is the operator's and covers every tenant; the others are a tenant's own. */
export const BRAKE_SCOPES = ['global', 'tenant', 'agent', 'credential'] as const;
export type BrakeScope = (typeof BRAKE_SCOPES)[number];

export interface ActiveBrake {
  readonly id: string;
  readonly scope: BrakeScope;
  readonly agentId: string | null;
  readonly credentialId: string | null;
}

/** The brake that stands before anything about the credential is looked at: the tenant's or the agent's. */
export function brakeOnAgent(brakes: readonly ActiveBrake[], agentId: string): ActiveBrake | undefined {
  return (
    brakes.find((brake) => brake.scope === 'tenant') ??
    brakes.find((brake) => brake.scope === 'agent' && brake.agentId === agentId)
  );
}

/** The brake on one credential; looked at only once the caller is known to hold it, so that it tells nobody it exists. */
export function brakeOnCredential(brakes: readonly ActiveBrake[], credentialId: string): ActiveBrake | undefined {
  return brakes.find((brake) => brake.scope === 'credential' && brake.credentialId === credentialId);
}
