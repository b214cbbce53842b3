CREATE TABLE flowstone_audit_seal (
    first_leaf bigint CONSTRAINT flowstone_audit_seal_pkey PRIMARY KEY CONSTRAINT flowstone_audit_seal_first_leaf_check CHECK (first_leaf >= 0),
    leaves bigint NOT NULL CONSTRAINT flowstone_audit_seal_leaves_check CHECK (leaves > 0),
    seqs bytea NOT NULL CONSTRAINT flowstone_audit_seal_seqs_check CHECK (octet_length(seqs) = 8 * leaves),
    hashes bytea NOT NULL CONSTRAINT flowstone_audit_seal_hashes_check CHECK (octet_length(hashes) >= 32 * leaves AND mod(octet_length(hashes), 32) = 0),
    root bytea NOT NULL CONSTRAINT flowstone_audit_seal_root_check CHECK (octet_length(root) = 32),
    frontier bytea NOT NULL CONSTRAINT flowstone_audit_seal_frontier_check CHECK (octet_length(frontier) > 0 AND mod(octet_length(frontier), 32) = 0),
    high bigint NOT NULL CONSTRAINT flowstone_audit_seal_high_check CHECK (high > 0),
    gaps text NOT NULL,
    note text NOT NULL,
    sealed_at timestamptz NOT NULL
);

-- Hashes do not compress.
ALTER TABLE flowstone_audit_seal ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE flowstone_audit_meta (
    key text CONSTRAINT flowstone_audit_meta_pkey PRIMARY KEY,
    value text NOT NULL
);

-- A seal begins where the last one ends. One that begins where another does is left to the primary key,
-- so that of two racing sealers one is told the usual way.
DO $do$
BEGIN
    EXECUTE replace($create$
CREATE FUNCTION flowstone_audit_follow() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF NEW.first_leaf <> (SELECT coalesce(max(first_leaf + leaves), 0) FROM <schema>.flowstone_audit_seal)
        AND NOT EXISTS (SELECT FROM <schema>.flowstone_audit_seal WHERE first_leaf = NEW.first_leaf)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'flowstone audit: a seal begins where the last one ends';
    END IF;
    RETURN NEW;
END
$body$
    $create$, '<schema>', quote_ident(current_schema()));
END
$do$;

CREATE TRIGGER flowstone_audit_seal_insert BEFORE INSERT ON flowstone_audit_seal
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_follow();

CREATE TRIGGER flowstone_audit_seal_update BEFORE UPDATE ON flowstone_audit_seal
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_seal_delete BEFORE DELETE ON flowstone_audit_seal
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_seal_truncate BEFORE TRUNCATE ON flowstone_audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_meta_update BEFORE UPDATE ON flowstone_audit_meta
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_meta_delete BEFORE DELETE ON flowstone_audit_meta
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

CREATE TRIGGER flowstone_audit_meta_truncate BEFORE TRUNCATE ON flowstone_audit_meta
    FOR EACH STATEMENT EXECUTE FUNCTION flowstone_audit_refuse();

ALTER TABLE flowstone_audit_seal
    ENABLE ALWAYS TRIGGER flowstone_audit_seal_insert,
    ENABLE ALWAYS TRIGGER flowstone_audit_seal_update,
    ENABLE ALWAYS TRIGGER flowstone_audit_seal_delete,
    ENABLE ALWAYS TRIGGER flowstone_audit_seal_truncate;

ALTER TABLE flowstone_audit_meta
    ENABLE ALWAYS TRIGGER flowstone_audit_meta_update,
    ENABLE ALWAYS TRIGGER flowstone_audit_meta_delete,
    ENABLE ALWAYS TRIGGER flowstone_audit_meta_truncate;

INSERT INTO flowstone_audit_meta (key, value) VALUES ('log_id', CAST(gen_random_uuid() AS text));
