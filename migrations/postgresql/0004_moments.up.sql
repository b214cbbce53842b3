DROP TRIGGER flowstone_audit_log_insert ON flowstone_audit_log;

DROP FUNCTION flowstone_audit_stamp();

-- Numbers and dates an entry, as before. When it happened has to be a moment that can be hashed, and read again:
-- PostgreSQL itself takes infinity, and years for which nothing else has a word.
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
    IF (NEW.occurred_at OPERATOR(pg_catalog.>=) '1970-01-01 00:00:00+00'::pg_catalog.timestamptz
        AND NEW.occurred_at OPERATOR(pg_catalog.<) '9999-12-31 00:00:00+00'::pg_catalog.timestamptz) IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'flowstone audit: occurred_at is no moment from 1970 to 9999';
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
