"""Dagster as it is deployed: a daemon, a code server, run workers and step workers."""
