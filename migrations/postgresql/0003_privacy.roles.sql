DO $do$
DECLARE
    member text;
BEGIN
    FOR member IN
        SELECT rolname FROM pg_roles
        WHERE rolname IN ('flowstone_audit_writer', 'flowstone_audit_reader', 'flowstone_audit_eraser')
    LOOP
        EXECUTE 'GRANT SELECT ON flowstone_audit_erasure, flowstone_audit_floor TO ' || member;
        IF member = 'flowstone_audit_eraser' THEN
            EXECUTE 'GRANT INSERT ON flowstone_audit_erasure, flowstone_audit_floor TO ' || member;
            EXECUTE 'GRANT UPDATE (client_ip, user_agent, private, nonce), DELETE ON flowstone_audit_log TO ' || member;
        END IF;
    END LOOP;
END
$do$;
