"""Resources that the pipeline saw unhealthy: checks without a look of their own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from time import monotonic, time
from typing import Final

from flowstone.plugin import Event, ResourceHealthCheck
from flowstone_health.damping import Word
from flowstone_health.look import Look
from flowstone_health.scrubbing import scrub
from flowstone_health.state import CheckState
from flowstone_health.telling import ORIGIN

MOST: Final = 100
_SLUG: Final = re.compile(r"[^a-z0-9]+")


class Resources:
    """What was last seen of resources that were not healthy; bounded, the longest known goes first.

    Written by the drain, read by the board: both only take whole items.

    Args:
        ttl: Seconds after which a sight is forgotten.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._seen: dict[str, tuple[ResourceHealthCheck, float]] = {}
        self._made: dict[str, tuple[ResourceHealthCheck, CheckState]] = {}

    def feed(self, batch: Iterable[Event]) -> None:
        """Take in the events of resources among *batch*; those that health reporting told itself are left out."""
        for event in batch:
            if isinstance(event, ResourceHealthCheck) and ORIGIN not in event.attributes:
                self._seen.pop(event.resource, None)
                if event.status in ("unhealthy", "degraded"):
                    while len(self._seen) >= MOST:
                        self._seen.pop(next(iter(self._seen)))
                    self._seen[event.resource] = (event, monotonic())

    def states(self) -> list[CheckState]:
        """Return the resources that count as unhealthy now, each as an optional check."""
        now = monotonic()
        made: dict[str, tuple[ResourceHealthCheck, CheckState]] = {}
        for name, (event, at) in list(self._seen.items()):
            if now - at > self._ttl:
                self._seen.pop(name, None)
                continue
            former = self._made.get(name)
            made[name] = former if former and former[0] is event else (event, self._state(event, at))
        self._made = made
        return [state for _, state in made.values()]

    def _state(self, event: ResourceHealthCheck, at: float) -> CheckState:
        status: Word = event.status
        why = f" ({event.error.type})" if event.error is not None else ""
        look = Look(
            status=status,
            message=scrub(f"the pipeline saw the resource {event.resource!r} {status}{why}"),
            ended=at,
            time=event.time / 1e9 or time(),
            took=(event.duration or 0) / 1e9,
        )
        return CheckState(
            name=check_name(event.resource),
            required=False,
            interval=self._ttl,
            timeout=0.0,
            status=status,
            look=look,
            latencies=(look.took,),
        )


def check_name(resource: str) -> str:
    """Return the name of the check of a resource: its words; what is lost thereby, as a hash."""
    words = _SLUG.sub("_", resource.lower()).strip("_")[:48]
    if words != resource:
        digest = hashlib.sha256(resource.encode("utf-8", "surrogatepass")).hexdigest()[:6]
        words = f"{words}_{digest}".strip("_")
    return f"resource_{words}"
