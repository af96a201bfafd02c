-- What drizzle cannot say: FORCE, grants, the epoch trigger, and what nobody needs taken away (design 5).

DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'chancery' AND c.relkind = 'r' AND c.relrowsecurity LOOP
    EXECUTE format('ALTER TABLE chancery.%I FORCE ROW LEVEL SECURITY', t.relname);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT USAGE ON SCHEMA chancery TO chancery_tenant, chancery_directory, chancery_scheduler;
--> statement-breakpoint
-- Inserted and read, and nothing else, by everybody: not even the owner of the table keeps more.
REVOKE ALL ON chancery.audit_entries FROM chancery_owner;
--> statement-breakpoint
GRANT SELECT, INSERT ON chancery.audit_entries TO chancery_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON chancery.chain_head, chancery.members, chancery.member_sessions, chancery.service_keys,
  chancery.agents, chancery.agent_sessions, chancery.credentials, chancery.credential_versions, chancery.brakes,
  chancery.signing_keys TO chancery_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON chancery.grants, chancery.idempotency_keys TO chancery_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON chancery.dpop_jtis TO chancery_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT ON chancery.tenants TO chancery_directory;
--> statement-breakpoint
-- The scheduler sees where every chain ends (to sign checkpoints, and to know whom to sweep), and nothing else of a tenant.
GRANT SELECT (tenant_id, seq, hash, swept_seq) ON chancery.chain_head TO chancery_scheduler;
--> statement-breakpoint
CREATE POLICY chain_head_scheduler ON chancery.chain_head AS PERMISSIVE FOR SELECT TO chancery_scheduler USING (true);
--> statement-breakpoint
-- Every statement that changes what a decision reads raises the epoch of the tenant's head: the compare-and-swap of a
-- use that was decided under the old policy then finds nothing to swap. SECURITY INVOKER: it runs as the tenant.
CREATE FUNCTION chancery.raise_epoch() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  UPDATE chancery.chain_head SET epoch = epoch + 1 WHERE tenant_id = substr(session_user::text, 3)::uuid;
  RETURN NULL;
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION chancery.raise_epoch() FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION chancery.raise_epoch() TO chancery_tenant;
--> statement-breakpoint
CREATE TRIGGER raise_epoch AFTER INSERT OR UPDATE OR DELETE ON chancery.agents FOR EACH STATEMENT EXECUTE FUNCTION chancery.raise_epoch();
--> statement-breakpoint
CREATE TRIGGER raise_epoch AFTER INSERT OR UPDATE OR DELETE ON chancery.credentials FOR EACH STATEMENT EXECUTE FUNCTION chancery.raise_epoch();
--> statement-breakpoint
CREATE TRIGGER raise_epoch AFTER INSERT OR UPDATE OR DELETE ON chancery.credential_versions FOR EACH STATEMENT EXECUTE FUNCTION chancery.raise_epoch();
--> statement-breakpoint
CREATE TRIGGER raise_epoch AFTER INSERT OR UPDATE OR DELETE ON chancery.grants FOR EACH STATEMENT EXECUTE FUNCTION chancery.raise_epoch();
--> statement-breakpoint
CREATE TRIGGER raise_epoch AFTER INSERT OR UPDATE OR DELETE ON chancery.brakes FOR EACH STATEMENT EXECUTE FUNCTION chancery.raise_epoch();
--> statement-breakpoint
-- A new session changes no decision about another one, and a session that is not in memory means load, not deny.
CREATE TRIGGER raise_epoch AFTER UPDATE OR DELETE ON chancery.agent_sessions FOR EACH STATEMENT EXECUTE FUNCTION chancery.raise_epoch();
