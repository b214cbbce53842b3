"""What the audit log is measured by, against the raw driver on a naive schema."""
