-- Group roles; grant them to those who log in. Where they may not be made, a notice says so.
DO $do$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['flowstone_audit_writer', 'flowstone_audit_reader', 'flowstone_audit_eraser'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE 'CREATE ROLE ' || wanted || ' NOLOGIN';
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL;
                WHEN insufficient_privilege THEN
                    RAISE NOTICE USING MESSAGE = 'flowstone audit: this user may not make the role ' || wanted
                        || '; let somebody who may run: CREATE ROLE ' || wanted || ' NOLOGIN; then: flowstone audit migrate --grants';
            END;
        END IF;
    END LOOP;
END
$do$;

DO $do$
DECLARE
    member text;
BEGIN
    FOR member IN
        SELECT rolname FROM pg_roles
        WHERE rolname IN ('flowstone_audit_writer', 'flowstone_audit_reader', 'flowstone_audit_eraser')
    LOOP
        BEGIN
            EXECUTE 'GRANT USAGE ON SCHEMA ' || quote_ident(current_schema()) || ' TO ' || member;
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE NOTICE USING MESSAGE = 'flowstone audit: only the owner of the schema may let ' || member || ' use it';
        END;
        EXECUTE 'GRANT SELECT ON flowstone_audit_log, flowstone_audit_version TO ' || member;
        EXECUTE 'GRANT SELECT ON SEQUENCE flowstone_audit_log_seq TO ' || member;
        -- Whoever erases leaves an entry of it, in the same transaction.
        IF member IN ('flowstone_audit_writer', 'flowstone_audit_eraser') THEN
            EXECUTE 'GRANT USAGE ON SEQUENCE flowstone_audit_log_seq TO ' || member;
            EXECUTE 'GRANT INSERT (v, id, event_type, actor_id, actor_type, resource_type, resource_id, action, outcome,'
                || ' details, correlation_id, trace_id, span_id, run_id, writer, ordinal, occurred_at, client_ip,'
                || ' user_agent, private, nonce, commitment, row_hash) ON flowstone_audit_log TO ' || member;
        END IF;
    END LOOP;
END
$do$;
