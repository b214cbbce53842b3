"""How fast this machine is now, for the bounds that are given in time and not against a rival."""

from __future__ import annotations

from benchmarks.anchor import Anchor

REFERENCE_US = 17.3
"""A bare SDK span on the machine from which those bounds come, the best of all rounds (docs/decisions/0013)."""


def pace() -> float:
    """Return how many times longer than there a bare SDK span takes here at best, at this moment; 1 at least."""
    anchor = Anchor()
    anchor.loop(500)
    return max(1.0, min(anchor.cost(500).caller for _ in range(9)) / REFERENCE_US)
