DROP TRIGGER flowstone_audit_log_insert ON flowstone_audit_log;

DROP FUNCTION flowstone_audit_stamp();

-- Numbers and dates an entry. A default would let whoever may insert give their own.
DO $do$
BEGIN
    EXECUTE replace($create$
CREATE FUNCTION flowstone_audit_stamp() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.seq IS NOT NULL OR NEW.inserted_at IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'flowstone audit: seq and inserted_at are given by the database';
    END IF;
    -- The transaction has its id before the row has its number: by that the sealer knows when a number
    -- that was skipped cannot come any more.
    NEW.seq := CASE WHEN pg_catalog.pg_current_xact_id() IS NOT NULL
        THEN pg_catalog.nextval('<schema>.flowstone_audit_log_seq'::pg_catalog.regclass) END;
    NEW.inserted_at := pg_catalog.clock_timestamp();
    RETURN NEW;
END
$body$
    $create$, '<schema>', quote_ident(current_schema()));
END
$do$;

CREATE TRIGGER flowstone_audit_log_insert BEFORE INSERT ON flowstone_audit_log
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_stamp();

ALTER TABLE flowstone_audit_log ENABLE ALWAYS TRIGGER flowstone_audit_log_insert;
