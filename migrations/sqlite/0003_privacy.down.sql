DROP TRIGGER flowstone_audit_log_update;

CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE ON flowstone_audit_log
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: entries cannot be changed');
END;

DROP TRIGGER flowstone_audit_log_delete;

CREATE TRIGGER flowstone_audit_log_delete BEFORE DELETE ON flowstone_audit_log
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: entries cannot be deleted');
END;

DROP TABLE flowstone_audit_floor;

DROP TABLE flowstone_audit_erasure;
