"""Dagster's runs, assets, loads and stores as flowstone events.

Switched on by ``FLOWSTONE_DAGSTER=1``, by ``opentelemetry-instrument``, or by a call of :func:`install`.
"""

from __future__ import annotations

__all__ = ["install", "run_tags", "uninstall"]


def install() -> bool:
    """Observe Dagster in this process, from now on or as soon as it is imported.

    Calling it again does nothing.

    Returns:
        Whether observation is (or will be) on; False when ``FLOWSTONE_ENABLED=0``, or on a fault of ours.
    """
    # Imported late: boot imports this package at the start of every interpreter.
    from flowstone_dagster.installing import install as now

    return now()


def run_tags() -> dict[str, str]:
    """Return the tags by which a run that you ask for goes on in the trace, and under the correlation id, around you.

    For ``dagster.materialize(..., tags=run_tags())``, a ``RunRequest``, or a launch over GraphQL. Inside of a run,
    of a span, or with ``TRACEPARENT`` in the environment; empty where there is none of them.
    """
    from flowstone_dagster.carrying import run_tags as now

    return now()


def uninstall() -> None:
    """Put Dagster's own functions back; operations that are open still end."""
    from flowstone_dagster.installing import uninstall as now

    now()
