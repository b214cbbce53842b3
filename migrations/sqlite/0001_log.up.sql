-- OR, not IN: for a list SQLite builds a table for each statement, a quarter of what an insert takes.
CREATE TABLE flowstone_audit_log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0),
    inserted_at INTEGER NOT NULL CHECK (typeof(inserted_at) = 'integer'),
    v INTEGER NOT NULL,
    id BLOB NOT NULL CHECK (typeof(id) = 'blob' AND length(id) = 16),
    event_type TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_type TEXT NOT NULL CHECK (actor_type = 'system' OR actor_type = 'user' OR actor_type = 'api'),
    resource_type TEXT,
    resource_id TEXT,
    action TEXT,
    outcome TEXT CHECK (outcome = 'success' OR outcome = 'started' OR outcome = 'failure' OR outcome = 'denied'),
    details TEXT NOT NULL,
    correlation_id TEXT,
    trace_id TEXT,
    span_id TEXT,
    run_id TEXT,
    writer TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    client_ip TEXT,
    user_agent TEXT,
    private TEXT,
    nonce BLOB CHECK (length(nonce) = 32),
    commitment BLOB CHECK (length(commitment) = 32),
    row_hash BLOB NOT NULL CHECK (typeof(row_hash) = 'blob' AND length(row_hash) = 32)
);

-- Every index ends in the rowid, which is seq.
CREATE UNIQUE INDEX flowstone_audit_log_id ON flowstone_audit_log (id);

CREATE INDEX flowstone_audit_log_correlation ON flowstone_audit_log (correlation_id);

CREATE INDEX flowstone_audit_log_resource ON flowstone_audit_log (resource_type, resource_id);

CREATE INDEX flowstone_audit_log_event ON flowstone_audit_log (event_type);

CREATE INDEX flowstone_audit_log_actor ON flowstone_audit_log (actor_id) WHERE actor_type <> 'system';

CREATE INDEX flowstone_audit_log_run ON flowstone_audit_log (run_id) WHERE run_id IS NOT NULL;

-- A known id is a no-op, which also stops INSERT OR REPLACE and upserts. An omitted seq reads as -1 here.
CREATE TRIGGER flowstone_audit_log_insert BEFORE INSERT ON flowstone_audit_log
BEGIN
    SELECT RAISE(IGNORE) WHERE EXISTS (SELECT 1 FROM flowstone_audit_log WHERE id = NEW.id);
    SELECT RAISE(ABORT, 'flowstone audit: seq is given by the database') WHERE NEW.seq <> -1;
    SELECT RAISE(ABORT, 'flowstone audit: inserted_at is further than 10 s from the clock')
    WHERE abs(NEW.inserted_at - (julianday('now') - 2440587.5) * 86400000000) > 10000000;
END;

-- Holds with PRAGMA ignore_check_constraints as well.
CREATE TRIGGER flowstone_audit_log_inserted AFTER INSERT ON flowstone_audit_log
WHEN NEW.seq < 1
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: seq is given by the database');
END;

CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE ON flowstone_audit_log
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: entries cannot be changed');
END;

CREATE TRIGGER flowstone_audit_log_delete BEFORE DELETE ON flowstone_audit_log
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: entries cannot be deleted');
END;
