CREATE TABLE flowstone_audit_erasure (
    entry_id BLOB NOT NULL PRIMARY KEY CHECK (typeof(entry_id) = 'blob' AND length(entry_id) = 16),
    request TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    erased_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The first request stands; a second one is a no-op, which also stops INSERT OR REPLACE.
CREATE TRIGGER flowstone_audit_erasure_insert BEFORE INSERT ON flowstone_audit_erasure
WHEN EXISTS (SELECT 1 FROM flowstone_audit_erasure WHERE entry_id = NEW.entry_id)
BEGIN
    SELECT RAISE(IGNORE);
END;

CREATE TRIGGER flowstone_audit_erasure_update BEFORE UPDATE ON flowstone_audit_erasure
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: erasures cannot be changed');
END;

CREATE TRIGGER flowstone_audit_erasure_delete BEFORE DELETE ON flowstone_audit_erasure
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: erasures cannot be deleted');
END;

CREATE TABLE flowstone_audit_floor (
    through_seq INTEGER PRIMARY KEY CHECK (through_seq >= 0),
    retain_days INTEGER NOT NULL CHECK (typeof(retain_days) = 'integer' AND retain_days >= 1),
    archive_digest BLOB CHECK (length(archive_digest) = 32),
    set_at INTEGER NOT NULL
);

CREATE TRIGGER flowstone_audit_floor_insert BEFORE INSERT ON flowstone_audit_floor
WHEN NEW.through_seq < 0
    OR NEW.retain_days < 1
    OR NEW.through_seq <= (SELECT max(through_seq) FROM flowstone_audit_floor)
    OR NEW.retain_days < (SELECT max(retain_days) FROM flowstone_audit_floor)
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: the floor and its retention only grow');
END;

CREATE TRIGGER flowstone_audit_floor_update BEFORE UPDATE ON flowstone_audit_floor
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: the floor cannot be changed');
END;

CREATE TRIGGER flowstone_audit_floor_delete BEFORE DELETE ON flowstone_audit_floor
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: the floor cannot be deleted');
END;

DROP TRIGGER flowstone_audit_log_update;

-- The door for erasure: the four private columns, all to NULL, nothing else, and only of an entry that is listed.
CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE ON flowstone_audit_log
WHEN NOT (
    NEW.client_ip IS NULL AND NEW.user_agent IS NULL AND NEW.private IS NULL AND NEW.nonce IS NULL
    AND NEW.seq IS OLD.seq
    AND NEW.inserted_at IS OLD.inserted_at
    AND NEW.v IS OLD.v
    AND NEW.id IS OLD.id
    AND NEW.event_type IS OLD.event_type
    AND NEW.actor_id IS OLD.actor_id
    AND NEW.actor_type IS OLD.actor_type
    AND NEW.resource_type IS OLD.resource_type
    AND NEW.resource_id IS OLD.resource_id
    AND NEW.action IS OLD.action
    AND NEW.outcome IS OLD.outcome
    AND NEW.details IS OLD.details
    AND NEW.correlation_id IS OLD.correlation_id
    AND NEW.trace_id IS OLD.trace_id
    AND NEW.span_id IS OLD.span_id
    AND NEW.run_id IS OLD.run_id
    AND NEW.writer IS OLD.writer
    AND NEW.ordinal IS OLD.ordinal
    AND NEW.occurred_at IS OLD.occurred_at
    AND NEW.commitment IS OLD.commitment
    AND NEW.row_hash IS OLD.row_hash
    AND EXISTS (SELECT 1 FROM flowstone_audit_erasure WHERE entry_id = OLD.id)
)
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: entries cannot be changed');
END;

DROP TRIGGER flowstone_audit_log_delete;

-- The door for retention: archived, below the floor, and older than what must be retained.
CREATE TRIGGER flowstone_audit_log_delete BEFORE DELETE ON flowstone_audit_log
WHEN NOT coalesce(
    OLD.seq <= (SELECT max(through_seq) FROM flowstone_audit_floor WHERE archive_digest IS NOT NULL)
    AND OLD.inserted_at < (julianday('now') - 2440587.5 - (SELECT max(retain_days) FROM flowstone_audit_floor)) * 86400000000,
    0
)
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: entries cannot be deleted');
END;
