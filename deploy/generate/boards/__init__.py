"""The dashboards, one in each file."""
