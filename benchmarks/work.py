"""What the subjects work on: the same assets and partitions for all, and a unit of CPU-bound work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from statistics import median
from time import thread_time_ns

PARTITIONS = tuple((date(2025, 1, 1) + timedelta(days=day)).isoformat() for day in range(365))
USER_ATTRIBUTES: dict[str, object] = {
    "owner": "finance",
    "table": "reports.daily",
    "region": "eu-west-1",
    "tier": "gold",
    "upstream": "orders",
    "retries": 2,
    "fraction": 0.25,
    "full_refresh": False,
}


def unit_of(microseconds: float) -> Callable[[], object]:
    """Return a unit of pure Python work of about *microseconds*."""

    def spin(turns: int) -> int:
        total = 0
        for number in range(turns):
            total += number * number % 7
        return total

    def timed(turns: int) -> float:
        took = []
        for _ in range(21):
            began = thread_time_ns()
            spin(turns)
            took.append((thread_time_ns() - began) / 1000)
        return median(took)

    turns = 10_000
    for _ in range(3):
        turns = max(1, int(turns * microseconds / timed(turns)))
    return lambda: spin(turns)
