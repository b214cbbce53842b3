DROP TRIGGER flowstone_audit_log_insert;

-- As before; and when it happened has to be a moment that can be read again.
CREATE TRIGGER flowstone_audit_log_insert BEFORE INSERT ON flowstone_audit_log
BEGIN
    SELECT RAISE(IGNORE) WHERE EXISTS (SELECT 1 FROM flowstone_audit_log WHERE id = NEW.id);
    SELECT RAISE(ABORT, 'flowstone audit: seq is given by the database') WHERE NEW.seq <> -1;
    SELECT RAISE(ABORT, 'flowstone audit: inserted_at is further than 10 s from the clock')
    WHERE abs(NEW.inserted_at - (julianday('now') - 2440587.5) * 86400000000) > 10000000;
    SELECT RAISE(ABORT, 'flowstone audit: occurred_at is no moment from 1970 to 9999')
    WHERE typeof(NEW.occurred_at) <> 'integer' OR NEW.occurred_at < 0 OR NEW.occurred_at >= 253402214400000000;
END;
