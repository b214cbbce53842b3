CREATE TABLE flowstone_audit_seal (
    first_leaf INTEGER PRIMARY KEY CHECK (first_leaf >= 0),
    leaves INTEGER NOT NULL CHECK (leaves > 0),
    seqs BLOB NOT NULL CHECK (length(seqs) = 8 * leaves),
    hashes BLOB NOT NULL CHECK (length(hashes) >= 32 * leaves AND length(hashes) % 32 = 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    frontier BLOB NOT NULL CHECK (length(frontier) > 0 AND length(frontier) % 32 = 0),
    high INTEGER NOT NULL CHECK (high > 0),
    gaps TEXT NOT NULL,
    note TEXT NOT NULL,
    sealed_at INTEGER NOT NULL
);

CREATE TRIGGER flowstone_audit_seal_insert BEFORE INSERT ON flowstone_audit_seal
WHEN NEW.first_leaf <> (SELECT coalesce(max(first_leaf + leaves), 0) FROM flowstone_audit_seal)
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: a seal begins where the last one ends');
END;

CREATE TRIGGER flowstone_audit_seal_update BEFORE UPDATE ON flowstone_audit_seal
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: seals cannot be changed');
END;

CREATE TRIGGER flowstone_audit_seal_delete BEFORE DELETE ON flowstone_audit_seal
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: seals cannot be deleted');
END;

-- Without a rowid: by one of those INSERT OR REPLACE could remove a row of another key.
CREATE TABLE flowstone_audit_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER flowstone_audit_meta_insert BEFORE INSERT ON flowstone_audit_meta
WHEN EXISTS (SELECT 1 FROM flowstone_audit_meta WHERE key = NEW.key)
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: what is said of the log is said once');
END;

CREATE TRIGGER flowstone_audit_meta_update BEFORE UPDATE ON flowstone_audit_meta
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: what is said of the log cannot be changed');
END;

CREATE TRIGGER flowstone_audit_meta_delete BEFORE DELETE ON flowstone_audit_meta
BEGIN
    SELECT RAISE(ABORT, 'flowstone audit: what is said of the log cannot be deleted');
END;

INSERT INTO flowstone_audit_meta (key, value)
SELECT 'log_id', substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' || substr(h, 18, 3) || '-' || substr(h, 21)
FROM (SELECT lower(hex(randomblob(16))) AS h);
