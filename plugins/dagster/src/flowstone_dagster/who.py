"""Who asked for a run, as far as Dagster knows it."""

from __future__ import annotations

from typing import Final

from flowstone_dagster.rows import RunRow

_USER: Final = "user"
"""Dagster's tag for whoever launched the run; Dagster+ writes it, launchers of one's own may."""

_SYSTEM: Final = {
    "sensor": "dagster/sensor_name",
    "schedule": "dagster/schedule_name",
    "backfill": "dagster/backfill",
}


def actor_of(row: RunRow | None) -> dict[str, str]:
    """Return the attributes of the run's actor: ``user.id``, or ``flowstone.actor.id`` such as ``schedule:daily``.

    None for a re-execution: it takes over the tags of its predecessor, and was asked for by somebody else.
    """
    if row is None or row.parent_run_id:
        return {}
    if user := row.tags.get(_USER):
        return {"user.id": user}
    for kind, tag in _SYSTEM.items():
        if name := row.tags.get(tag):
            return {"flowstone.actor.id": f"{kind}:{name}", "flowstone.actor.type": "system"}
    return {}
