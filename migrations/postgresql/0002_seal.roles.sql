DO $do$
DECLARE
    member text;
BEGIN
    FOR member IN
        SELECT rolname FROM pg_roles
        WHERE rolname IN ('flowstone_audit_writer', 'flowstone_audit_reader', 'flowstone_audit_eraser')
    LOOP
        EXECUTE 'GRANT SELECT ON flowstone_audit_seal, flowstone_audit_meta TO ' || member;
        IF member = 'flowstone_audit_writer' THEN
            EXECUTE 'GRANT INSERT ON flowstone_audit_seal TO ' || member;
        END IF;
    END LOOP;
END
$do$;
