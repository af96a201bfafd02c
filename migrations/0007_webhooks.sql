CREATE TABLE "chancery"."outbox" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"queue" text NOT NULL,
	"payload" jsonb NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"relayed_at" timestamp (3) with time zone,
	"done_at" timestamp (3) with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"lease_token" uuid,
	"lease_until" timestamp (3) with time zone,
	CONSTRAINT "outbox_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."outbox" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."webhook_deliveries" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"webhook_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"event_type" text NOT NULL,
	"seq" bigint NOT NULL,
	"state" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone,
	"log" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_deliveries_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."webhook_deliveries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "chancery"."webhooks" (
	"tenant_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"url" text NOT NULL,
	"description" text,
	"events" jsonb NOT NULL,
	"state" text NOT NULL,
	"disabled_reason" text,
	"secret" "bytea" NOT NULL,
	"previous_secret" "bytea",
	"previous_until" timestamp (3) with time zone,
	"failing_since" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "webhooks_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."webhooks" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "chancery"."chain_head" ADD COLUMN "watched" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "chancery"."webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_tenant_id_webhook_id_webhooks_tenant_id_id_fk" FOREIGN KEY ("tenant_id","webhook_id") REFERENCES "chancery"."webhooks"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "outbox_open" ON "chancery"."outbox" USING btree ("tenant_id","due_at") WHERE done_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_event" ON "chancery"."webhook_deliveries" USING btree ("tenant_id","webhook_id","event_id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_of" ON "chancery"."webhook_deliveries" USING btree ("tenant_id","webhook_id","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_pending" ON "chancery"."webhook_deliveries" USING btree ("tenant_id","webhook_id") WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX "audit_entries_findings" ON "chancery"."audit_entries" USING btree ("tenant_id","seq") WHERE action = 'audit.verification_failed';--> statement-breakpoint
CREATE POLICY "outbox_own_tenant" ON "chancery"."outbox" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "webhook_deliveries_own_tenant" ON "chancery"."webhook_deliveries" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
CREATE POLICY "webhooks_own_tenant" ON "chancery"."webhooks" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);--> statement-breakpoint
-- What drizzle cannot say of the outbox and the webhooks (design 5, 8).
ALTER TABLE chancery.outbox FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE chancery.webhooks FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE chancery.webhook_deliveries FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
DO $$
DECLARE c record;
BEGIN
  FOR c IN SELECT r.oid::regclass AS relation, a.attname
           FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
           WHERE r.oid IN ('chancery.outbox'::regclass, 'chancery.webhooks'::regclass,
             'chancery.webhook_deliveries'::regclass, 'chancery.chain_head'::regclass) LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', c.relation, c.attname);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT SELECT, INSERT ON chancery.outbox, chancery.webhooks, chancery.webhook_deliveries TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (watched) ON chancery.chain_head TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (queue, payload, due_at, relayed_at, done_at, attempts, lease_token, lease_until)
  ON chancery.outbox TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (url, description, events, state, disabled_reason, secret, previous_secret, previous_until, failing_since,
  updated_at, deleted_at) ON chancery.webhooks TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (state, attempts, next_attempt_at, log, finished_at) ON chancery.webhook_deliveries TO chancery_tenant;
--> statement-breakpoint
-- The scheduler sees which tenant has something due, says when it was put into the queue, and can read nothing of what it is.
GRANT SELECT (tenant_id, id, due_at, relayed_at, done_at) ON chancery.outbox TO chancery_scheduler;
--> statement-breakpoint
GRANT UPDATE (relayed_at) ON chancery.outbox TO chancery_scheduler;
--> statement-breakpoint
CREATE POLICY outbox_scheduler_reads ON chancery.outbox AS PERMISSIVE FOR SELECT TO chancery_scheduler USING (true);
--> statement-breakpoint
CREATE POLICY outbox_scheduler_relays ON chancery.outbox AS PERMISSIVE FOR UPDATE TO chancery_scheduler USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE FUNCTION chancery.delete_jobs(done_before timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' BEGIN ATOMIC
  DELETE FROM chancery.outbox WHERE tenant_id = substr(session_user::text, 3)::uuid AND done_at < done_before;
END;
--> statement-breakpoint
CREATE FUNCTION chancery.delete_deliveries(finished_before timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' BEGIN ATOMIC
  DELETE FROM chancery.webhook_deliveries WHERE tenant_id = substr(session_user::text, 3)::uuid AND finished_at < finished_before;
END;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION chancery.delete_jobs, chancery.delete_deliveries FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION chancery.delete_jobs, chancery.delete_deliveries TO chancery_tenant;
