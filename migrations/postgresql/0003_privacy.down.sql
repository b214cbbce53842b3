DROP TRIGGER flowstone_audit_log_update ON flowstone_audit_log;

CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE ON flowstone_audit_log
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

DROP TRIGGER flowstone_audit_log_delete ON flowstone_audit_log;

CREATE TRIGGER flowstone_audit_log_delete BEFORE DELETE ON flowstone_audit_log
    FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse();

ALTER TABLE flowstone_audit_log
    ENABLE ALWAYS TRIGGER flowstone_audit_log_update,
    ENABLE ALWAYS TRIGGER flowstone_audit_log_delete;

DROP TABLE flowstone_audit_floor;

DROP TABLE flowstone_audit_erasure;

DROP FUNCTION flowstone_audit_prune();

DROP FUNCTION flowstone_audit_erase();

DROP FUNCTION flowstone_audit_grow();
