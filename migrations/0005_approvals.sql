CREATE TABLE "chancery"."approvals" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"agent_id" uuid NOT NULL,
	"credential_id" uuid,
	"credential_name" text,
	"version" integer,
	"method" text,
	"url" text,
	"request_hash" "bytea",
	"kek_version" integer,
	"preview" "bytea",
	"session_id" uuid,
	"purpose" text,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"decided_at" timestamp (3) with time zone,
	"decided_by" text,
	"decision_reason" text,
	CONSTRAINT "approvals_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	-- Here and not behind it: a key that is added later looks at rows, and the migrator is no tenant that may see any.
	CONSTRAINT "approvals_tenant_id_agent_id_agents_tenant_id_id_fk" FOREIGN KEY ("tenant_id","agent_id") REFERENCES "chancery"."agents"("tenant_id","id"),
	CONSTRAINT "approvals_tenant_id_credential_id_credentials_tenant_id_id_fk" FOREIGN KEY ("tenant_id","credential_id") REFERENCES "chancery"."credentials"("tenant_id","id"),
	CONSTRAINT "approvals_tenant_id_session_id_agent_sessions_tenant_id_id_fk" FOREIGN KEY ("tenant_id","session_id") REFERENCES "chancery"."agent_sessions"("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."approvals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "chancery"."agents" ADD COLUMN "key_holders" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
CREATE INDEX "approvals_waiting" ON "chancery"."approvals" USING btree ("tenant_id","agent_id") WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX "approvals_expiry" ON "chancery"."approvals" USING btree ("tenant_id","expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "approvals_session" ON "chancery"."approvals" USING btree ("tenant_id","session_id") WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX "audit_entries_approvals" ON "chancery"."audit_entries" USING btree ("tenant_id",(details->>'approval')) WHERE outcome = 'intent' and details ? 'approval';--> statement-breakpoint
CREATE POLICY "approvals_own_tenant" ON "chancery"."approvals" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
-- What drizzle cannot say of approvals (design 4.5, 5).
ALTER TABLE chancery.approvals FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
DO $$
DECLARE c record;
BEGIN
  FOR c IN SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'chancery.approvals'::regclass AND a.attnum > 0 LOOP
    EXECUTE format('ALTER TABLE chancery.approvals ALTER COLUMN %I SET STATISTICS 0', c.attname);
  END LOOP;
END $$;
--> statement-breakpoint
ALTER TABLE chancery.agents ALTER key_holders SET STATISTICS 0;
--> statement-breakpoint
ALTER INDEX chancery.audit_entries_approvals ALTER COLUMN 2 SET STATISTICS 0;
--> statement-breakpoint
GRANT SELECT, INSERT ON chancery.approvals TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (state, expires_at, decided_at, decided_by, decision_reason) ON chancery.approvals TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (key_holders) ON chancery.agents TO chancery_tenant;
--> statement-breakpoint
CREATE TRIGGER raise_epoch AFTER INSERT OR UPDATE OR DELETE ON chancery.approvals FOR EACH STATEMENT EXECUTE FUNCTION chancery.raise_epoch();
