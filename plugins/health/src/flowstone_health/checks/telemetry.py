"""flowstone's own way out of the process: the drain, and the exporters behind it."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Final

from flowstone.plugin import HealthResult, Vitals, stats, vitals

_FULL: Final = 0.5
_HUNG_S: Final = 5.0
_REMEMBERED_S: Final = 300.0
_LOSSES: Final = ("event.dropped.", "export.dropped.", "export.failed.")


def drain() -> HealthResult:
    """Tell whether events leave the callers."""
    found = vitals()
    observed = {"queued": (float(found.queued), "{event}")}
    trouble = _trouble(found)
    if trouble:
        return HealthResult(status="degraded", message=trouble, observed=observed)
    return HealthResult(observed=observed)


def _trouble(found: Vitals) -> str:
    if not found.draining:
        return "the drain is dead: events are no longer delivered in this process; restart it"
    if found.busy_s > _HUNG_S:
        return f"the plugin {found.busy} has had its batch for {found.busy_s:.0f} s"
    if found.queued > _FULL * found.bound:
        return f"{found.queued} events wait to be delivered; beyond {found.bound} the oldest are dropped"
    return ""


class Exporting:
    """Tells whether telemetry arrives; a loss is remembered for five minutes.

    What was lost before it was made is not told: nobody knows how long ago that was.
    """

    def __init__(self) -> None:
        self._lost: Mapping[str, int] = _losses()
        self._until = 0.0
        self._message = ""

    def look(self) -> HealthResult:
        """Compare the counters of losses with those of the look before, and look at the queues."""
        now, queues = monotonic(), vitals().exports
        observed = {f"{queue.what}_waiting": (float(queue.waiting), "{item}") for queue in queues}
        for queue in queues:
            if queue.sent_at:
                observed[f"{queue.what}_last_sent"] = (round(now - queue.sent_at, 1), "s")
        lost = _losses()
        new = {key: n - self._lost.get(key, 0) for key, n in lost.items()}
        told = ", ".join(f"{n} x {key}" for key, n in sorted(new.items()) if n > 0)
        self._lost = lost
        if told:
            self._until = now + _REMEMBERED_S
            self._message = f"telemetry was lost ({told}); does the collector answer? flowstone doctor tells"
        if now < self._until:
            return HealthResult(status="degraded", message=self._message, observed=observed)
        full = [queue.what for queue in queues if queue.waiting > _FULL * queue.bound]
        if full:
            message = (
                f"{', '.join(full)} wait in a queue that is more than half full; does the collector answer?"
            )
            return HealthResult(status="degraded", message=message, observed=observed)
        return HealthResult(observed=observed)


def _losses() -> dict[str, int]:
    return {key: n for key, n in stats().items() if key.startswith(_LOSSES)}
