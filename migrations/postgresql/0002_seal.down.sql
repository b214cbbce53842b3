DROP TABLE flowstone_audit_meta;

DROP TABLE flowstone_audit_seal;

DROP FUNCTION flowstone_audit_follow();
