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
-- UPDATE by column, never of a whole table, and no DELETE: either right on a table is also the right to LOCK it against
-- every other tenant. What is not named here never changes.
GRANT SELECT, INSERT ON chancery.chain_head, chancery.members, chancery.member_sessions, chancery.service_keys,
  chancery.agents, chancery.agent_sessions, chancery.credentials, chancery.credential_versions, chancery.grants,
  chancery.brakes, chancery.signing_keys, chancery.idempotency_keys, chancery.dpop_jtis TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (seq, hash, epoch, swept_seq) ON chancery.chain_head TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (totp_last_step, removed_at) ON chancery.members TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (factor_at, revoked_at) ON chancery.member_sessions TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (revoked_at) ON chancery.service_keys TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (tier, state, api_key_id, api_key_hash, updated_at) ON chancery.agents TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (state, tier, renewals_used, expires_at, approved_by, revoked_at, revoked_reason)
  ON chancery.agent_sessions TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (minimum_tier, version, updated_at, deleted_at) ON chancery.credentials TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (kek_version, wrapped_dek, ciphertext, state, expires_at) ON chancery.credential_versions TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (state) ON chancery.grants TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (cleared_at, cleared_by, clear_reason) ON chancery.brakes TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (active, retires_at) ON chancery.signing_keys TO chancery_tenant;
--> statement-breakpoint
GRANT UPDATE (key, status, view, expires_at) ON chancery.idempotency_keys TO chancery_tenant;
--> statement-breakpoint
-- The owner deletes for the tenants. `session_user` is still who logged in, here and in the policy that the owner obeys too.
CREATE FUNCTION chancery.delete_grants(agent uuid, credential uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' BEGIN ATOMIC
  DELETE FROM chancery.grants WHERE tenant_id = substr(session_user::text, 3)::uuid
    AND credential_id = credential AND (agent IS NULL OR agent_id = agent);
END;
--> statement-breakpoint
CREATE FUNCTION chancery.delete_answers(expired_by timestamptz, of_scope text, of_key text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' BEGIN ATOMIC
  DELETE FROM chancery.idempotency_keys WHERE tenant_id = substr(session_user::text, 3)::uuid
    AND expires_at <= expired_by AND (of_key IS NULL OR (scope = of_scope AND key = of_key));
END;
--> statement-breakpoint
CREATE FUNCTION chancery.delete_proofs(seen_before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = '' BEGIN ATOMIC
  WITH gone AS (
    DELETE FROM chancery.dpop_jtis WHERE tenant_id = substr(session_user::text, 3)::uuid AND seen_at < seen_before RETURNING 1)
  SELECT count(*) FROM gone;
END;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION chancery.delete_grants, chancery.delete_answers, chancery.delete_proofs FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION chancery.delete_grants, chancery.delete_answers, chancery.delete_proofs TO chancery_tenant;
--> statement-breakpoint
-- The planner's statistics of a column are values of every tenant, and EXPLAIN tells them by its estimates, one comparison
-- at a time: of our columns none are kept. Every index begins with the tenant, so the plans need none.
DO $$
DECLARE c record;
BEGIN
  FOR c IN SELECT r.oid::regclass AS relation, r.relkind, a.attname, a.attnum
           FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
           WHERE r.relnamespace = 'chancery'::regnamespace
           AND (r.relkind = 'r' OR r.relkind = 'i' AND (SELECT i.indkey[a.attnum - 1] = 0 FROM pg_index i WHERE i.indexrelid = r.oid)) LOOP
    IF c.relkind = 'r' THEN EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', c.relation, c.attname);
    ELSE EXECUTE format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS 0', c.relation, c.attnum);
    END IF;
  END LOOP;
END $$;
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
