CREATE SEQUENCE flowstone_audit_log_seq AS bigint;

CREATE TABLE flowstone_audit_log (
    seq bigint CONSTRAINT flowstone_audit_log_pkey PRIMARY KEY CONSTRAINT flowstone_audit_log_seq_check CHECK (seq > 0),
    inserted_at timestamptz NOT NULL,
    v smallint NOT NULL,
    id uuid NOT NULL CONSTRAINT flowstone_audit_log_id_key UNIQUE,
    event_type text NOT NULL,
    actor_id text NOT NULL,
    actor_type text NOT NULL CONSTRAINT flowstone_audit_log_actor_type_check CHECK (actor_type IN ('system', 'user', 'api')),
    resource_type text,
    resource_id text,
    action text,
    outcome text CONSTRAINT flowstone_audit_log_outcome_check CHECK (outcome IN ('started', 'success', 'failure', 'denied')),
    details text NOT NULL,
    correlation_id text,
    trace_id text,
    span_id text,
    run_id text,
    writer text NOT NULL,
    ordinal bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    client_ip text,
    user_agent text,
    private text,
    nonce bytea CONSTRAINT flowstone_audit_log_nonce_check CHECK (octet_length(nonce) = 32),
    commitment bytea CONSTRAINT flowstone_audit_log_commitment_check CHECK (octet_length(commitment) = 32),
    row_hash bytea NOT NULL CONSTRAINT flowstone_audit_log_row_hash_check CHECK (octet_length(row_hash) = 32)
);

ALTER SEQUENCE flowstone_audit_log_seq OWNED BY flowstone_audit_log.seq;

CREATE INDEX flowstone_audit_log_correlation ON flowstone_audit_log (correlation_id);

CREATE INDEX flowstone_audit_log_resource ON flowstone_audit_log (resource_type, resource_id, seq);

CREATE INDEX flowstone_audit_log_event ON flowstone_audit_log (event_type, seq);

CREATE INDEX flowstone_audit_log_actor ON flowstone_audit_log (actor_id, seq) WHERE actor_type <> 'system';

CREATE INDEX flowstone_audit_log_run ON flowstone_audit_log (run_id) WHERE run_id IS NOT NULL;

-- Says no. Every function has the schema written out, or a search_path of its own, so that no caller's
-- search_path puts another sequence, table or operator in the place of ours.
CREATE FUNCTION flowstone_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = pg_catalog.concat('flowstone audit: ', TG_OP, ' of ', TG_TABLE_NAME, ' is refused');
END
$body$;

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

CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE ON flowstone_audit_log
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_log_delete BEFORE DELETE ON flowstone_audit_log
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_log_truncate BEFORE TRUNCATE ON flowstone_audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION flowstone_audit_refuse();

-- ALWAYS: with session_replication_role = replica as well.
ALTER TABLE flowstone_audit_log
    ENABLE ALWAYS TRIGGER flowstone_audit_log_insert,
    ENABLE ALWAYS TRIGGER flowstone_audit_log_update,
    ENABLE ALWAYS TRIGGER flowstone_audit_log_delete,
    ENABLE ALWAYS TRIGGER flowstone_audit_log_truncate;
