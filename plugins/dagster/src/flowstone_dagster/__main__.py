"""``python -m flowstone_dagster pth --install`` and the like."""

from __future__ import annotations

from flowstone_dagster.command import dagster

if __name__ == "__main__":
    dagster(prog_name="python -m flowstone_dagster")
