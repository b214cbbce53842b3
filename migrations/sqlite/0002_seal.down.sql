DROP TABLE flowstone_audit_meta;

DROP TABLE flowstone_audit_seal;
