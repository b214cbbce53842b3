"""The demo: a small Dagster project over published data, run and looked at by ``flowstone demo``."""
