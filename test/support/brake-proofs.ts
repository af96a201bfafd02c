import { BrakeProver } from '@chancery/protocol/audit-brake-proof.js';
import type { AuditEntry } from '@chancery/protocol/audit-entry.js';
import type { Breach } from './policy-oracle.js';

/**
 * What `chancery audit prove-brake` says of every brake in these entries, held against what the oracle says: two
 * readings of one promise, written apart, that must not differ. Returns how many brakes were looked at.
 */
export function proveBrakes(entries: readonly AuditEntry[], breaches: readonly Breach[]): number {
  const pulled = entries.filter(({ action }) => action === 'brake.activate');
  const provers = pulled.map(({ details: { brake } }) => new BrakeProver(typeof brake === 'string' ? brake : ''));
  for (const entry of entries) for (const prover of provers) prover.entry(entry);
  const found = new Set(provers.flatMap(({ violation }) => violation?.seq ?? []));
  const allowed = breaches.filter(({ stands }) => stands.startsWith('allowed'));
  const unseen = [...found].filter((seq) => allowed.every((breach) => breach.seq !== seq));
  const unproven = found.size === 0 && allowed.some(({ due }) => due === 'brake_active');
  if (unseen.length > 0 || unproven)
    throw new Error(`proof and oracle differ: ${[...found].join()} and ${JSON.stringify(breaches)}`);
  return pulled.length;
}
