CREATE TABLE flowstone_audit_erasure (
    entry_id uuid CONSTRAINT flowstone_audit_erasure_pkey PRIMARY KEY,
    request text NOT NULL,
    requested_by text NOT NULL,
    erased_at timestamptz NOT NULL
);

CREATE TABLE flowstone_audit_floor (
    through_seq bigint CONSTRAINT flowstone_audit_floor_pkey PRIMARY KEY CONSTRAINT flowstone_audit_floor_through_seq_check CHECK (through_seq >= 0),
    retain_days bigint NOT NULL CONSTRAINT flowstone_audit_floor_retain_days_check CHECK (retain_days >= 1),
    archive_digest bytea CONSTRAINT flowstone_audit_floor_archive_digest_check CHECK (octet_length(archive_digest) = 32),
    set_at timestamptz NOT NULL
);

-- Both values only grow.
DO $do$
BEGIN
    EXECUTE replace($create$
CREATE FUNCTION flowstone_audit_grow() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF EXISTS (
        SELECT FROM <schema>.flowstone_audit_floor
        WHERE through_seq >= NEW.through_seq OR retain_days > NEW.retain_days
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'flowstone audit: the floor and its retention only grow';
    END IF;
    RETURN NEW;
END
$body$
    $create$, '<schema>', quote_ident(current_schema()));
END
$do$;

-- The door for erasure: the four private columns, all to NULL, nothing else, and only of an entry that is listed.
DO $do$
BEGIN
    EXECUTE replace($create$
CREATE FUNCTION flowstone_audit_erase() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    OLD.client_ip := NULL;
    OLD.user_agent := NULL;
    OLD.private := NULL;
    OLD.nonce := NULL;
    IF NEW *= OLD AND EXISTS (SELECT FROM <schema>.flowstone_audit_erasure WHERE entry_id = OLD.id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = 'flowstone audit: UPDATE of flowstone_audit_log is refused';
END
$body$
    $create$, '<schema>', quote_ident(current_schema()));
END
$do$;

-- The door for retention: archived, below the floor, and older than what must be retained.
DO $do$
BEGIN
    EXECUTE replace($create$
CREATE FUNCTION flowstone_audit_prune() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    through bigint;
    days bigint;
BEGIN
    SELECT max(through_seq) FILTER (WHERE archive_digest IS NOT NULL), max(retain_days)
    INTO through, days
    FROM <schema>.flowstone_audit_floor;
    IF OLD.seq <= through AND OLD.inserted_at < clock_timestamp() - days * interval '1 day' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = 'flowstone audit: DELETE of flowstone_audit_log is refused';
END
$body$
    $create$, '<schema>', quote_ident(current_schema()));
END
$do$;

DROP TRIGGER flowstone_audit_log_update ON flowstone_audit_log;

CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE ON flowstone_audit_log
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_erase();

DROP TRIGGER flowstone_audit_log_delete ON flowstone_audit_log;

CREATE TRIGGER flowstone_audit_log_delete BEFORE DELETE ON flowstone_audit_log
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_prune();

CREATE TRIGGER flowstone_audit_erasure_update BEFORE UPDATE ON flowstone_audit_erasure
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_erasure_delete BEFORE DELETE ON flowstone_audit_erasure
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_erasure_truncate BEFORE TRUNCATE ON flowstone_audit_erasure
    FOR EACH STATEMENT EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_floor_insert BEFORE INSERT ON flowstone_audit_floor
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_grow();

CREATE TRIGGER flowstone_audit_floor_update BEFORE UPDATE ON flowstone_audit_floor
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_floor_delete BEFORE DELETE ON flowstone_audit_floor
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_floor_truncate BEFORE TRUNCATE ON flowstone_audit_floor
    FOR EACH STATEMENT EXECUTE FUNCTION flowstone_audit_refuse();

ALTER TABLE flowstone_audit_log
    ENABLE ALWAYS TRIGGER flowstone_audit_log_update,
    ENABLE ALWAYS TRIGGER flowstone_audit_log_delete;

ALTER TABLE flowstone_audit_erasure
    ENABLE ALWAYS TRIGGER flowstone_audit_erasure_update,
    ENABLE ALWAYS TRIGGER flowstone_audit_erasure_delete,
    ENABLE ALWAYS TRIGGER flowstone_audit_erasure_truncate;

ALTER TABLE flowstone_audit_floor
    ENABLE ALWAYS TRIGGER flowstone_audit_floor_insert,
    ENABLE ALWAYS TRIGGER flowstone_audit_floor_update,
    ENABLE ALWAYS TRIGGER flowstone_audit_floor_delete,
    ENABLE ALWAYS TRIGGER flowstone_audit_floor_truncate;
