ALTER TABLE "chancery"."credential_versions" ADD COLUMN "fields" jsonb;--> statement-breakpoint
ALTER TABLE "chancery"."credentials" ADD COLUMN "injection" jsonb;--> statement-breakpoint
ALTER TABLE "chancery"."credentials" ADD COLUMN "approval" text DEFAULT 'none' NOT NULL;--> statement-breakpoint
ALTER TABLE "chancery"."credentials" ADD COLUMN "per_minute" integer;--> statement-breakpoint
GRANT UPDATE (injection, approval, per_minute) ON chancery.credentials TO chancery_tenant;
--> statement-breakpoint
ALTER TABLE chancery.credentials ALTER injection SET STATISTICS 0, ALTER approval SET STATISTICS 0,
  ALTER per_minute SET STATISTICS 0;
--> statement-breakpoint
ALTER TABLE chancery.credential_versions ALTER fields SET STATISTICS 0;
