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
        { title: 'USE', of: uses },
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
      ['methods', c.methods?.join(', ')],
      ['paths', c.path_prefixes?.join(', ')],
      ['private networks', c.private_ranges?.join(', ')],
      ['places', c.placements?.join(', ')],
      ['fields', c.fields?.map((field) => (field.public ? `${field.name} (public)` : field.name)).join(', ')],
      ['goes into', injectionText(c)],
      ['approval', c.approval === 'none' ? null : c.approval],
      ['uses a minute', c.limits?.per_minute],
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

/** In the words of `--inject`. */
function injectionText({ injection }: CredentialView): string | null {
  if (!injection) return null;
  const { kind, scheme, name, field } = injection;
  const how = kind === 'scheme' && scheme === 'Bearer' ? 'bearer' : [kind, scheme ?? name].filter(Boolean).join(':');
  return field === undefined ? how : `${how}=${field}`;
}

/** What is special about its use, shortly. */
function uses(c: CredentialView): string | null {
  const restricted = [c.methods, c.path_prefixes, c.private_ranges, c.placements].some(Boolean);
  const words = [
    injectionText(c),
    restricted ? 'restricted' : null,
    c.approval && c.approval !== 'none' ? `approval ${c.approval}` : null,
    c.limits?.per_minute ? `${c.limits.per_minute}/min` : null,
  ];
  return words.filter(Boolean).join(', ') || null;
}
