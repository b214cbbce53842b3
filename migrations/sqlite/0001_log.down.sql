DROP TABLE flowstone_audit_log;
