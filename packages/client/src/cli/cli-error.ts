import type { ChanceryError } from '../errors.js';
import { EXIT } from './exit-codes.js';

/** A failure of the command itself: what, its code, the way out. */
export class CliError extends Error {
  constructor(
    readonly code: string,
    what: string,
    readonly wayOut: string,
    readonly exitCode: number = EXIT.refused,
  ) {
    super(what);
  }
}

export const usage = (what: string, wayOut = 'see --help') => new CliError('usage', what, wayOut, EXIT.usage);

const NOT_PERMITTED = new Set(['human_required', 'factor_stale', 'forbidden', 'login_failed', 'invalid_client']);

const WAYS_OUT: Record<string, string> = {
  unreachable: 'is the server running? `chancery serve` starts this checkout, --url names another',
  timeout: 'try again, or look at the server with `chancery status`',
  tls_failed: 'CHANCERY_EXTRA_CA=file.pem trusts a private CA',
  bad_url: 'give it like https://api.example.com',
  insecure_url: 'use https, or set CHANCERY_ALLOW_CLEARTEXT=1 on a network you trust',
  unexpected_answer: 'check --url',
  unauthenticated: 'sign in with `chancery login`',
  invalid_token: 'sign in with `chancery login`',
  login_failed: 'wait for the next one-time code and try again',
  invalid_client: "check the agent's id and key; a suspended or revoked agent gets no session",
  human_required: 'a person does this: sign in with `chancery login`',
  factor_stale: 'run it on a terminal to enter a one-time code, or `chancery login` again',
  forbidden: 'somebody with another role can do this',
  not_found: 'check the name or id with the list command',
  credential_not_found: 'it does not exist, or this agent has no grant: `chancery credential grant NAME AGENT`',
  brake_active: '`chancery emergency status` shows it; a person clears it with `chancery emergency clear`',
  vault_sealed: 'an operator runs `chancery unseal`',
  vault_not_initialized: 'an operator runs `chancery unseal` on a terminal',
  wrong_password: 'try again; attempts are limited',
  tier_too_low: 'a person promotes the agent with `chancery agent promote`',
  domain_not_allowed: '`chancery credential bind` says where a credential may go',
  request_method_not_allowed: '`chancery credential bind` says how a credential may be used',
  path_not_allowed: '`chancery credential bind` says where a credential may go',
  placement_not_allowed: '`chancery credential bind` says where a credential may stand',
  placeholder_missing: "e.g. -H 'Authorization: Bearer {{CREDENTIAL}}', or `chancery credential change --inject`",
  fields_mismatch: '`chancery credential show` lists its fields: name each with --field',
  name_taken: 'choose another name',
  authorization_pending: 'a person approves it: `chancery approvals list`, `chancery approvals approve apr_…`',
  slow_down: 'a person approves it: `chancery approvals list`, `chancery approvals approve apr_…`',
  own_request: 'somebody else approves it: you were shown an API key of this agent',
  approval_not_pending: '`chancery approvals show ID` says what became of it',
  approval_refused: 'a person said no; ask again only with another request',
  approval_expired: 'run it without --approval-id to ask again',
  approval_used: 'run it without --approval-id to ask again',
  approval_mismatch: 'send exactly what was approved, or ask again without --approval-id',
  too_many_approvals: 'wait until people have decided',
  invalid_grant: '`chancery proxy` keeps one session for many calls',
  template_refused: "e.g. -H 'Authorization: Bearer {{CREDENTIAL}}'",
  weak_password: 'choose a longer one',
  secret_too_short: 'check the value; --public-field is for what is no secret, --no-redact stores it all the same',
  domains_required: 'name where it may go with --domain',
  domain_pattern_refused: 'name a host, or *.example.com for subdomains',
  confirmation_required: 'add --confirm "clear the global brake"',
  agent_revoked: '`chancery agent register` makes a new one',
  last_owner: 'add another owner first',
  grant_limit_reached: 'promote the agent or revoke another grant',
  too_many_attempts: 'wait a minute, then try again',
  rate_limited: 'wait a little, then try again',
  over_capacity: 'wait a little, then try again',
  invalid_request: 'see --help',
};

export function wayOutOf(error: ChanceryError): string {
  const known = WAYS_OUT[error.code];
  const id = error.requestId ? `request ${error.requestId}` : undefined;
  if (known) return error.status >= 500 && id ? `${known} (${id})` : known;
  return error.status >= 500 && id ? `the server's log has more under ${id}` : `see docs/errors/${error.code}.md`;
}

export function exitCodeOf(error: ChanceryError): number {
  if (error.unreachable) return EXIT.unreachable;
  if (error.code === 'bad_url' || error.code === 'insecure_url') return EXIT.usage;
  if (error.status === 401 || NOT_PERMITTED.has(error.code)) return EXIT.notPermitted;
  return EXIT.refused;
}
