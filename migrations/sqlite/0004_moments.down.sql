DROP TRIGGER flowstone_audit_log_insert;

-- A known id is a no-op, which also stops INSERT OR REPLACE and upserts. An omitted seq reads as -1 here.
CREATE TRIGGER flowstone_audit_log_insert BEFORE INSERT ON flowstone_audit_log
BEGIN
    SELECT RAISE(IGNORE) WHERE EXISTS (SELECT 1 FROM flowstone_audit_log WHERE id = NEW.id);
    SELECT RAISE(ABORT, 'flowstone audit: seq is given by the database') WHERE NEW.seq <> -1;
    SELECT RAISE(ABORT, 'flowstone audit: inserted_at is further than 10 s from the clock')
    WHERE abs(NEW.inserted_at - (julianday('now') - 2440587.5) * 86400000000) > 10000000;
END;
