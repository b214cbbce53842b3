DROP TABLE flowstone_audit_log;

DROP FUNCTION flowstone_audit_stamp();

DROP FUNCTION flowstone_audit_refuse();
