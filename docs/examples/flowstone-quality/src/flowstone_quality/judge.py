"""Judging: what passes, and what the last verdicts were."""

from __future__ import annotations

from flowstone.plugin import MaterializationStop, emit, settings
from flowstone_quality.events import QualityChecked

_ASSETS_KEPT = 1000


def minimum() -> int:
    """Return the rows that an asset has to have: ``FLOWSTONE_QUALITY_MIN_ROWS``."""
    return int(settings("FLOWSTONE_QUALITY").number("MIN_ROWS", 1))


class Judge:
    """Judges assets, and remembers which did not pass.

    Attributes:
        failing: Assets whose last check did not pass.
    """

    def __init__(self) -> None:
        self.failing: set[str] = set()

    def look_at(self, stop: MaterializationStop) -> None:
        """Check a materialization that tells its rows."""
        if stop.rows is None:
            return
        least = minimum()
        passed = stop.rows >= least
        if passed:
            self.failing.discard(stop.asset)
        elif len(self.failing) < _ASSETS_KEPT:  # whatever a plugin keeps is bounded
            self.failing.add(stop.asset)
        # A listener runs in the drain, outside of the user's operation: it hands the identity on.
        emit(
            QualityChecked,
            asset=stop.asset,
            rows=stop.rows,
            minimum=least,
            passed=passed,
            correlation_id=stop.correlation_id,
            trace_id=stop.trace_id,
            parent_id=stop.span_id,
            run_id=stop.run_id,
            pipeline=stop.pipeline,
            orchestrator=stop.orchestrator,
            sampled=stop.sampled,
        )
