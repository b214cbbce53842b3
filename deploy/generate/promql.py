"""Pieces of PromQL that more than one rule or panel is made of."""

from __future__ import annotations

from deploy.generate.metrics import prometheus_label, selector


def by(what: str, expression: str, *keys: str) -> str:
    """Return an aggregation such as ``sum by (job) (...)``; keys are OpenTelemetry's."""
    kept = ", ".join(prometheus_label(key) for key in keys)
    return f"{what} by ({kept}) ({expression})" if keys else f"{what}({expression})"


def grown(series: str, window: str) -> str:
    """Return by how much counters grew, their first value counted.

    ``increase`` compares samples, so a counter that is born with its first failure, as ours are, shows none.
    A series that was not there an hour before the window therefore counts whole; unless it was there from the
    first successful scrape on, for then it is old, and it was Prometheus or the network that was away.
    """
    born = f"last_over_time({series}[{window}]) unless last_over_time({series}[1h] offset {window})"
    old = f"count_over_time({series}[{window}]) >= scalar(max(sum_over_time(up[{window}]))) - 1"
    return f"({born} unless {old}) or increase({series}[{window}])"


def rate(
    metric: str, *keys: str, part: str = "", window: str = "$__rate_interval", scope: str = "", **matched: str
) -> str:
    """Return how much a counter grows per second, added up by *keys*."""
    return by("sum", f"rate({selector(metric, part, scope, **matched)}[{window}])", *keys)


def counted(
    metric: str, *keys: str, part: str = "", window: str = "$__rate_interval", scope: str = "", **matched: str
) -> str:
    """Return by how much a counter grew, its birth included, added up by *keys*."""
    return by("sum", grown(selector(metric, part, scope, **matched), window), *keys)


def quantile(
    q: float, metric: str, *keys: str, window: str = "$__rate_interval", scope: str = "", **matched: str
) -> str:
    """Return a quantile of a histogram, by *keys*."""
    return f"histogram_quantile({q:g}, {rate(metric, 'le', *keys, part='bucket', window=window, scope=scope, **matched)})"


def share(part: str, whole: str) -> str:
    """Return *part* of *whole*; 0 where there is a whole and no part."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"
