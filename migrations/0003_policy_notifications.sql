-- What drizzle cannot say of the nodes' leases, and every policy act told to every node (design 5, 7).

ALTER TABLE chancery.node_leases FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE chancery.node_leases ALTER tenant_id SET STATISTICS 0, ALTER boot_id SET STATISTICS 0,
  ALTER lease_until SET STATISTICS 0, ALTER acknowledged_seq SET STATISTICS 0;
--> statement-breakpoint
GRANT SELECT, INSERT ON chancery.node_leases TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (lease_until, acknowledged_seq) ON chancery.node_leases TO chancery_tenant;
--> statement-breakpoint
CREATE FUNCTION chancery.delete_leases(over_since timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' BEGIN ATOMIC
  DELETE FROM chancery.node_leases WHERE tenant_id = substr(session_user::text, 3)::uuid AND lease_until < over_since;
END;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION chancery.delete_leases FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION chancery.delete_leases TO chancery_tenant;
--> statement-breakpoint
-- The same trigger on the same tables as before. PostgreSQL sends the notification when the transaction commits, once
-- however many statements it had. Commits that notify go one after the other, which policy acts can bear and uses never do.
CREATE OR REPLACE FUNCTION chancery.raise_epoch() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  UPDATE chancery.chain_head SET epoch = epoch + 1 WHERE tenant_id = substr(session_user::text, 3)::uuid;
  PERFORM pg_catalog.pg_notify('chancery_policy', substr(session_user::text, 3));
  RETURN NULL;
END $$;
