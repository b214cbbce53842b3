"""The health check that this plugin adds."""

from __future__ import annotations

from flowstone_quality.judge import Judge


class QualityCheck:
    """Unhealthy while the last check of any asset failed.

    The shape of health checks is provisional: a ``name``, and ``check()`` that returns ``healthy``,
    ``degraded``, ``unhealthy`` or ``unknown``.
    """

    name = "quality"

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def check(self) -> str:
        """Return how the assets are."""
        return "unhealthy" if self._judge.failing else "healthy"
