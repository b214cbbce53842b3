"""The metrics of the demo's first run as a few lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

Metric = dict[str, Any]


def lines(metrics: list[Metric]) -> Iterator[str]:
    """Yield a line for each metric of flowstone's, its series taken together; none for one that stands at zero."""
    ours = [metric for metric in metrics if not metric["name"].startswith("process.")]
    told = [(metric["name"], text) for metric in ours if (text := _told(metric))]
    width = max((len(name) for name, _ in told), default=0)
    yield from (f"{name:<{width}}  {text}" for name, text in told)


def _told(metric: Metric) -> str:
    points = metric["points"]
    if metric["kind"] == "histogram":
        total = amount(sum(point["value"] for point in points), metric["unit"])
        return f"{sum(point['count'] for point in points)} measured, {total} in all{_outcomes(points)}"
    return ", ".join(" ".join(point["attributes"].values()) for point in points if point["value"])


def _outcomes(points: list[Metric]) -> str:
    """Return how many of each outcome, where the metric tells it."""
    counts: Counter[str] = Counter()
    for point in points:
        if outcome := point["attributes"].get("flowstone.outcome"):
            counts[outcome] += point["count"]
    return f" ({', '.join(f'{number} {name}' for name, number in counts.items())})" if counts else ""


def amount(value: float, unit: str) -> str:
    """Return a value in its UCUM unit as people read it."""
    if unit == "s":
        return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
    if unit == "By":
        return f"{value / (1 << 20):.1f} MiB"
    return f"{value:,.0f} {unit.strip('{}')}{'' if value == 1 else 's'}"
