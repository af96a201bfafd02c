import type { Cli } from './cli.js';
import type { ApprovalView, RequestView } from './views.js';

export function showApprovals(cli: Cli, rows: ApprovalView[]): void {
  cli.out.result({ data: rows }, () =>
    cli.out.table(
      [
        { title: 'ID', of: (a: ApprovalView) => a.id },
        { title: 'STATE', of: (a) => a.state },
        { title: 'AGENT', of: (a) => a.agent_name },
        { title: 'ASKS FOR', of: askedFor },
        { title: 'PURPOSE', of: (a) => a.purpose },
        { title: 'UNTIL', of: (a) => a.expires_at },
      ],
      rows,
      'nothing waits for a person',
    ),
  );
}

export function showApproval(cli: Cli, a: ApprovalView): void {
  cli.out.result(a, () => {
    cli.out.record([
      ['id', a.id],
      ['state', a.state],
      ['agent', `${a.agent_name} (${a.agent_id})`],
      ['asks for', askedFor(a)],
      ['version', a.version],
      ['purpose', a.purpose],
      ['requested', a.requested_at],
      [a.state === 'approved' && a.kind === 'use' ? 'to be used until' : 'until', a.expires_at],
      ['decided by', a.decided_by],
      ['because', a.decision_reason],
      ['used in audit entry', a.used_seq],
      ['request hash', a.request_hash],
    ]);
    if (a.request) showRequest(cli, a.request);
  });
}

/** As it would go over the wire, a line of it on a line of the terminal. */
function showRequest(cli: Cli, { method, url, headers, body }: RequestView): void {
  cli.out.line('');
  cli.out.line(`  ${method} ${url}`);
  for (const { name, value } of headers) cli.out.line(`  ${name}: ${value}`);
  if (body === null) return;
  cli.out.line('');
  for (const line of (body.text ?? `(base64) ${body.base64 ?? ''}`).split('\n')) cli.out.line(`  ${line}`);
  const cut = body.truncated ? ', of which this is the beginning' : '';
  cli.out.line('');
  cli.out.record([['body', `${body.bytes} bytes${cut}, SHA-256 ${body.sha256}`]]);
}

function askedFor({ kind, credential_name: name, method, url, session_id: session }: ApprovalView): string {
  if (kind === 'session') return `a token for session ${session ?? ''}`;
  return kind === 'access' ? `access to ${name ?? ''}` : `${method ?? ''} ${url ?? ''} with ${name ?? ''}`;
}
