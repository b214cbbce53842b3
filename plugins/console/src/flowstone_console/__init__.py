"""The embedded trace store: every event of this machine in one bounded SQLite file, and ``flowstone trace``."""
