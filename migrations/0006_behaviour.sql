CREATE TABLE "chancery"."agent_behaviour" (
	"tenant_id" uuid NOT NULL,
	"agent_id" uuid NOT NULL,
	"calls" jsonb NOT NULL,
	"minutes" jsonb NOT NULL,
	"tier_seq" bigint NOT NULL,
	"tier_since" timestamp (3) with time zone,
	"tier_calls" bigint NOT NULL,
	"low_since" timestamp (3) with time zone,
	CONSTRAINT "agent_behaviour_tenant_id_agent_id_pk" PRIMARY KEY("tenant_id","agent_id"),
	-- Here and not behind it: a key that is added later looks at rows, and the migrator is no tenant that may see any.
	CONSTRAINT "agent_behaviour_tenant_id_agent_id_agents_tenant_id_id_fk" FOREIGN KEY ("tenant_id","agent_id") REFERENCES "chancery"."agents"("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."agent_behaviour" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."behaviour_cursors" (
	"tenant_id" uuid PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"due_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "chancery"."behaviour_cursors" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE INDEX "agent_behaviour_low" ON "chancery"."agent_behaviour" USING btree ("tenant_id","agent_id") WHERE low_since is not null;--> statement-breakpoint
CREATE INDEX "audit_entries_anomalies" ON "chancery"."audit_entries" USING btree ("tenant_id",(details->>'agent'),"at") WHERE action = 'agent.anomaly';--> statement-breakpoint
CREATE POLICY "agent_behaviour_own_tenant" ON "chancery"."agent_behaviour" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "behaviour_cursors_own_tenant" ON "chancery"."behaviour_cursors" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);
--> statement-breakpoint
-- What drizzle cannot say of them (design 5).
ALTER TABLE chancery.agent_behaviour FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE chancery.behaviour_cursors FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE chancery.agent_behaviour ALTER tenant_id SET STATISTICS 0, ALTER agent_id SET STATISTICS 0,
  ALTER calls SET STATISTICS 0, ALTER minutes SET STATISTICS 0, ALTER tier_seq SET STATISTICS 0,
  ALTER tier_since SET STATISTICS 0, ALTER tier_calls SET STATISTICS 0, ALTER low_since SET STATISTICS 0;
--> statement-breakpoint
ALTER TABLE chancery.behaviour_cursors ALTER tenant_id SET STATISTICS 0, ALTER seq SET STATISTICS 0, ALTER due_at SET STATISTICS 0;
--> statement-breakpoint
ALTER INDEX chancery.audit_entries_anomalies ALTER COLUMN 2 SET STATISTICS 0;
--> statement-breakpoint
GRANT SELECT, INSERT ON chancery.agent_behaviour, chancery.behaviour_cursors TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (calls, minutes, tier_seq, tier_since, tier_calls, low_since) ON chancery.agent_behaviour TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (seq, due_at) ON chancery.behaviour_cursors TO chancery_tenant;
--> statement-breakpoint
-- The scheduler sees how far each chain was followed, to know whom to look at, and nothing of what was seen there.
GRANT SELECT ON chancery.behaviour_cursors TO chancery_scheduler;
--> statement-breakpoint
CREATE POLICY behaviour_cursors_scheduler ON chancery.behaviour_cursors AS PERMISSIVE FOR SELECT TO chancery_scheduler USING (true);
