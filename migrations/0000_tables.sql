CREATE TABLE "chancery"."audit_entries" (
	"tenant_id" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"outcome" text NOT NULL,
	"details" jsonb NOT NULL,
	"salt" "bytea" NOT NULL,
	"prev" "bytea" NOT NULL,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "audit_entries_tenant_id_seq_pk" PRIMARY KEY("tenant_id","seq")
);
--> statement-breakpoint
ALTER TABLE "chancery"."audit_entries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."chain_head" (
	"tenant_id" uuid PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"hash" "bytea" NOT NULL,
	"epoch" bigint NOT NULL,
	"swept_seq" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "chancery"."chain_head" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."brakes" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"scope" text NOT NULL,
	"agent_id" uuid,
	"credential_id" uuid,
	"credential_name" text,
	"reason" text NOT NULL,
	"activated_at" timestamp (3) with time zone NOT NULL,
	"activated_by" text NOT NULL,
	"activated_seq" bigint NOT NULL,
	"activated_hash" "bytea" NOT NULL,
	"cleared_at" timestamp (3) with time zone,
	"cleared_by" text,
	"clear_reason" text,
	CONSTRAINT "brakes_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."brakes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."credential_versions" (
	"tenant_id" uuid NOT NULL,
	"credential_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"binding" jsonb NOT NULL,
	"kek_version" integer NOT NULL,
	"wrapped_dek" "bytea",
	"ciphertext" "bytea",
	"state" text NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "credential_versions_tenant_id_credential_id_version_pk" PRIMARY KEY("tenant_id","credential_id","version")
);
--> statement-breakpoint
ALTER TABLE "chancery"."credential_versions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."credentials" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"minimum_tier" text NOT NULL,
	"version" integer NOT NULL,
	"redact" boolean NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "credentials_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."credentials" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."grants" (
	"tenant_id" uuid NOT NULL,
	"agent_id" uuid NOT NULL,
	"credential_id" uuid NOT NULL,
	"state" text NOT NULL,
	"granted_at" timestamp (3) with time zone NOT NULL,
	"granted_by" text NOT NULL,
	CONSTRAINT "grants_tenant_id_agent_id_credential_id_pk" PRIMARY KEY("tenant_id","agent_id","credential_id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."grants" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."agent_sessions" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"agent_id" uuid NOT NULL,
	"jkt" text NOT NULL,
	"state" text NOT NULL,
	"tier" text NOT NULL,
	"renewals_used" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"approved_by" text,
	"revoked_at" timestamp (3) with time zone,
	"revoked_reason" text,
	CONSTRAINT "agent_sessions_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."agent_sessions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."agents" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"tier" text NOT NULL,
	"state" text NOT NULL,
	"api_key_id" uuid NOT NULL,
	"api_key_hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "agents_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."agents" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."dpop_jtis" (
	"tenant_id" uuid NOT NULL,
	"jti_hash" "bytea" NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "dpop_jtis_tenant_id_jti_hash_pk" PRIMARY KEY("tenant_id","jti_hash")
);
--> statement-breakpoint
ALTER TABLE "chancery"."dpop_jtis" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."idempotency_keys" (
	"tenant_id" uuid NOT NULL,
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"fingerprint" "bytea" NOT NULL,
	"status" integer,
	"view" jsonb,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_tenant_id_scope_key_pk" PRIMARY KEY("tenant_id","scope","key")
);
--> statement-breakpoint
ALTER TABLE "chancery"."idempotency_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."member_sessions" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"member_id" uuid NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"factor_at" timestamp (3) with time zone NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "member_sessions_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."member_sessions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."members" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"email" text NOT NULL,
	"role" text NOT NULL,
	"password_hash" text NOT NULL,
	"totp_secret" "bytea" NOT NULL,
	"totp_last_step" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"removed_at" timestamp (3) with time zone,
	CONSTRAINT "members_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."members" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."service_keys" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "service_keys_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."service_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."signing_keys" (
	"tenant_id" uuid NOT NULL,
	"kid" text NOT NULL,
	"purpose" text NOT NULL,
	"public_key" "bytea" NOT NULL,
	"wrapped_seed" "bytea" NOT NULL,
	"active" boolean NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"retires_at" timestamp (3) with time zone,
	CONSTRAINT "signing_keys_tenant_id_kid_pk" PRIMARY KEY("tenant_id","kid")
);
--> statement-breakpoint
ALTER TABLE "chancery"."signing_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."tenants" (
	"id" uuid PRIMARY KEY NOT NULL,
	"namespace" text NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "tenants_namespace_unique" UNIQUE("namespace")
);
--> statement-breakpoint
ALTER TABLE "chancery"."brakes" ADD CONSTRAINT "brakes_tenant_id_agent_id_agents_tenant_id_id_fk" FOREIGN KEY ("tenant_id","agent_id") REFERENCES "chancery"."agents"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chancery"."credential_versions" ADD CONSTRAINT "credential_versions_tenant_id_credential_id_credentials_tenant_id_id_fk" FOREIGN KEY ("tenant_id","credential_id") REFERENCES "chancery"."credentials"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chancery"."grants" ADD CONSTRAINT "grants_tenant_id_agent_id_agents_tenant_id_id_fk" FOREIGN KEY ("tenant_id","agent_id") REFERENCES "chancery"."agents"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chancery"."grants" ADD CONSTRAINT "grants_tenant_id_credential_id_credentials_tenant_id_id_fk" FOREIGN KEY ("tenant_id","credential_id") REFERENCES "chancery"."credentials"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chancery"."agent_sessions" ADD CONSTRAINT "agent_sessions_tenant_id_agent_id_agents_tenant_id_id_fk" FOREIGN KEY ("tenant_id","agent_id") REFERENCES "chancery"."agents"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chancery"."member_sessions" ADD CONSTRAINT "member_sessions_tenant_id_member_id_members_tenant_id_id_fk" FOREIGN KEY ("tenant_id","member_id") REFERENCES "chancery"."members"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_entries_intents" ON "chancery"."audit_entries" USING btree ("tenant_id","seq") WHERE outcome = 'intent';--> statement-breakpoint
CREATE INDEX "audit_entries_outcomes" ON "chancery"."audit_entries" USING btree ("tenant_id",((details->>'intent')::bigint)) WHERE details ? 'intent';--> statement-breakpoint
CREATE UNIQUE INDEX "brakes_active" ON "chancery"."brakes" USING btree ("tenant_id","scope",coalesce(agent_id, credential_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE cleared_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "credential_versions_current" ON "chancery"."credential_versions" USING btree ("tenant_id","credential_id") WHERE state = 'current';--> statement-breakpoint
CREATE UNIQUE INDEX "credentials_name" ON "chancery"."credentials" USING btree ("tenant_id","name") WHERE deleted_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "agent_sessions_key" ON "chancery"."agent_sessions" USING btree ("tenant_id","agent_id","jkt");--> statement-breakpoint
CREATE INDEX "agent_sessions_expiry" ON "chancery"."agent_sessions" USING btree ("tenant_id","expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "agents_name" ON "chancery"."agents" USING btree ("tenant_id","name");--> statement-breakpoint
CREATE UNIQUE INDEX "agents_api_key" ON "chancery"."agents" USING btree ("tenant_id","api_key_id");--> statement-breakpoint
CREATE INDEX "dpop_jtis_seen" ON "chancery"."dpop_jtis" USING btree ("tenant_id","seen_at");--> statement-breakpoint
CREATE INDEX "idempotency_keys_expiry" ON "chancery"."idempotency_keys" USING btree ("tenant_id","expires_at");--> statement-breakpoint
CREATE INDEX "member_sessions_member" ON "chancery"."member_sessions" USING btree ("tenant_id","member_id");--> statement-breakpoint
CREATE UNIQUE INDEX "members_email" ON "chancery"."members" USING btree ("tenant_id","email") WHERE removed_at is null;--> statement-breakpoint
CREATE POLICY "audit_entries_own_tenant" ON "chancery"."audit_entries" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "chain_head_own_tenant" ON "chancery"."chain_head" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "brakes_own_tenant" ON "chancery"."brakes" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "credential_versions_own_tenant" ON "chancery"."credential_versions" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "credentials_own_tenant" ON "chancery"."credentials" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "grants_own_tenant" ON "chancery"."grants" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "agent_sessions_own_tenant" ON "chancery"."agent_sessions" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "agents_own_tenant" ON "chancery"."agents" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "dpop_jtis_own_tenant" ON "chancery"."dpop_jtis" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "idempotency_keys_own_tenant" ON "chancery"."idempotency_keys" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "member_sessions_own_tenant" ON "chancery"."member_sessions" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "members_own_tenant" ON "chancery"."members" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "service_keys_own_tenant" ON "chancery"."service_keys" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "signing_keys_own_tenant" ON "chancery"."signing_keys" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);