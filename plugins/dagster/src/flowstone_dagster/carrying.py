"""The tags by which a run that is asked for from here goes on in the caller's trace."""

from __future__ import annotations

from flowstone.plugin import identity
from flowstone_dagster.identity import CORRELATION_TAG, TRACEPARENT_TAG


def run_tags() -> dict[str, str]:
    """Return the tags for a run of the caller's: its correlation id, and the span it is inside of."""
    whose = identity("run")
    if not whose.parent_id:
        return {}  # nothing is around
    parent = f"00-{whose.scope.trace_hex}-{whose.parent_id:016x}-{whose.scope.sampled:02x}"
    return {CORRELATION_TAG: whose.scope.correlation_id, TRACEPARENT_TAG: parent}
