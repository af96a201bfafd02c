import type { Cli } from './cli.js';
import type { CredentialView } from './views.js';

const domains = (c: CredentialView) => (c.allowed_domains?.length ? c.allowed_domains.join(', ') : 'ANY');

export function showCredentials(cli: Cli, rows: CredentialView[]): void {
  cli.out.result({ data: rows }, () =>
    cli.out.table(
      [
        { title: 'NAME', of: (c: CredentialView) => c.name },
        { title: 'VERSION', of: (c) => c.version },
        { title: 'MINIMUM TIER', of: (c) => c.minimum_tier },
        { title: 'DOMAINS', of: domains },
        { title: 'FLAGS', of: (c) => c.flags?.join(', ') },
        { title: 'UPDATED', of: (c) => c.updated_at },
      ],
      rows,
      'no credentials yet: `chancery credential store NAME --domain HOST`',
    ),
  );
}

export function showCredential(cli: Cli, c: CredentialView): void {
  cli.out.result(c, () =>
    cli.out.record([
      ['id', c.id],
      ['name', c.name],
      ['version', c.version],
      ['minimum tier', c.minimum_tier],
      ['domains', domains(c)],
      ['ports', c.ports?.join(', ')],
      ['cleartext', c.cleartext ? 'allowed' : null],
      ['redacted', c.redact ? null : 'no'],
      ['flags', c.flags?.join(', ')],
      ['versions', c.versions?.map(versionText).join('; ')],
      ['updated', c.updated_at],
    ]),
  );
}

function versionText(v: { version: number; state: string; expires_at: string | null }): string {
  return `${v.version} ${v.state}${v.expires_at ? ` until ${v.expires_at}` : ''}`;
}
