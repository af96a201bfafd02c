CREATE TABLE "chancery"."node_leases" (
	"tenant_id" uuid NOT NULL,
	"boot_id" uuid NOT NULL,
	"lease_until" timestamp (3) with time zone NOT NULL,
	"acknowledged_seq" bigint NOT NULL,
	CONSTRAINT "node_leases_tenant_id_boot_id_pk" PRIMARY KEY("tenant_id","boot_id")
);
--> statement-breakpoint
ALTER TABLE "chancery"."node_leases" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE INDEX "audit_entries_seals" ON "chancery"."audit_entries" USING btree ("tenant_id","seq") WHERE action = 'vault.seal';--> statement-breakpoint
CREATE POLICY "node_leases_own_tenant" ON "chancery"."node_leases" AS PERMISSIVE FOR ALL TO public USING (tenant_id = substr(session_user::text, 3)::uuid) WITH CHECK (tenant_id = substr(session_user::text, 3)::uuid);