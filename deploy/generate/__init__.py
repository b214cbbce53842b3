"""Dashboards and alerts, made from the definitions of the metrics: ``python -m deploy.generate``."""
