"""Who listens: plugins registered with pluggy, called through compiled callers behind a fault wall."""
