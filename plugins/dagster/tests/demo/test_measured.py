from __future__ import annotations

from typing import Any

import pytest

from flowstone_dagster.demo.measured import amount, lines


def metric(kind: str, unit: str, *points: dict[str, Any]) -> dict[str, Any]:
    """Return a metric as the first run tells it."""
    return {"name": "m", "kind": kind, "unit": unit, "points": list(points)}


def test_the_series_of_a_histogram_are_added_up() -> None:
    """A histogram is one line: how often, how much, and with which outcomes."""
    good = {"attributes": {"flowstone.outcome": "success"}, "value": 0.25, "count": 3}
    bad = {"attributes": {"flowstone.outcome": "failure"}, "value": 0.05, "count": 1}
    assert ["m  4 measured, 300 ms in all (3 success, 1 failure)"] == list(
        lines([metric("histogram", "s", good, bad)])
    )


def test_of_other_metrics_the_series_that_are_set_are_named() -> None:
    """A state is told by its series that is 1; a metric that stands at zero has no line."""
    on = {"attributes": {"name": "csv", "status": "healthy"}, "value": 1, "count": 0}
    off = {"attributes": {"name": "csv", "status": "degraded"}, "value": 0, "count": 0}
    assert ["m  csv healthy"] == list(lines([metric("updowncounter", "1", on, off)]))
    assert [] == list(lines([metric("updowncounter", "1", off)]))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("250 ms", 0.25, "s"),
        ("2.5 s", 2.5, "s"),
        ("3.0 MiB", 3 << 20, "By"),
        ("1 row", 1, "{row}"),
        ("2,000 rows", 2000, "{row}"),
    ],
)
def test_amounts_are_told_in_their_units(text: str, value: float, unit: str) -> None:
    """Seconds, bytes and numbers of things read as people write them."""
    assert text == amount(value, unit)
