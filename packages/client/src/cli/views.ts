/** Answers of the server, as far as the commands read them. */
export type List<T> = { data: T[]; next_cursor: string | null };

export type AgentView = {
  id: string;
  name: string;
  tier: string;
  state: string;
  credentials_granted?: number;
  credentials_limit?: number | null;
  created_at: string;
  api_key?: string;
};

type BehaviourPart = { weight: number; value: number };
export type BehaviourView = {
  score: number | null;
  verdict: 'none' | 'good' | 'too_low';
  tier: string;
  window: {
    calls: number;
    errors: number;
    denials: number;
    calls_per_minute_cv: number | null;
    mean_latency_ms: number | null;
    from: string | null;
    to: string | null;
  };
  components: Record<'errors' | 'denials' | 'regularity' | 'anomalies', BehaviourPart>;
  anomalies: { kind: string; observed: string; bound: string; at: string; seq: number }[];
  renewals: { used: number; limit: number; minimum_score: number };
  recommendation: { action: 'promote' | 'demote'; tier: string; reasons: string[] } | null;
};

export type CredentialView = {
  id: string;
  name: string;
  minimum_tier: string;
  version: number;
  allowed_domains: string[];
  ports: number[];
  cleartext: boolean;
  methods?: string[] | null;
  path_prefixes?: string[] | null;
  private_ranges?: string[] | null;
  placements?: string[] | null;
  fields?: { name: string; public: boolean }[] | null;
  injection?: { kind: string; scheme?: string; name?: string; field?: string } | null;
  approval?: string;
  limits?: { per_minute: number | null };
  redact: boolean;
  flags: string[];
  versions?: { version: number; state: string; expires_at: string | null }[];
  created_at: string;
  updated_at: string;
};

export type GrantView = { agent_id: string; agent_name: string; state: string; granted_at: string };

export type BrakeView = {
  id: string;
  scope: 'global' | 'tenant' | 'agent' | 'credential';
  agent_id?: string | null;
  credential_name?: string | null;
  reason: string;
  active: boolean;
  activated_at: string;
  activated_by: string;
  audit?: { seq: number; hash: string };
  cleared_at?: string | null;
};

export type ApprovalView = {
  id: string;
  kind: 'use' | 'session' | 'access';
  state: string;
  expires_at: string;
  agent_id: string;
  agent_name: string;
  credential_name: string | null;
  version: number | null;
  method: string | null;
  url: string | null;
  purpose: string | null;
  request_hash: string | null;
  session_id: string | null;
  requested_at: string;
  decided_at: string | null;
  decided_by: string | null;
  decision_reason: string | null;
  used_seq: number | null;
  request?: RequestView | null;
};

/** What would be sent, with the credential masked. */
export type RequestView = {
  method: string;
  url: string;
  headers: { name: string; value: string }[];
  body: { text?: string; base64?: string; bytes: number; sha256: string; truncated: boolean } | null;
};

export type WebhookView = {
  id: string;
  url: string;
  description: string | null;
  events: string[];
  state: string;
  disabled_reason: string | null;
  failing_since: string | null;
  secret?: string;
};

export type DeliveryView = {
  id: string;
  event_id: string;
  type: string;
  state: string;
  attempts: number;
  next_attempt_at: string | null;
  created_at: string;
  log: { status: number | null; error: string | null }[];
};

export type MemberView = { id: string; email: string; role: string; created_at: string };
export type KeyView = { id: string; name: string; role: string; created_at: string };
export type TenantView = { id: string; namespace: string; name: string; created_at: string };
export type WhoamiView = {
  kind: string;
  id: string;
  name: string;
  role?: string;
  tier?: string;
  tenant: { id: string; namespace: string };
  surface: string;
  factor_expires_at?: string;
};
export type VaultView = { state: 'uninitialized' | 'sealed' | 'unsealed' };

export type EntryView = {
  seq: number;
  at: string;
  actor: string;
  action: string;
  outcome: string;
  details: Record<string, unknown>;
  hash: string;
};
