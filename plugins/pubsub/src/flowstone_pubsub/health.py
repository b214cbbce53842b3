"""The health of pub/sub: does a record make its way into the log and back?"""

from __future__ import annotations

import os
from time import monotonic, time_ns
from typing import Final

from flowstone.plugin import HealthCheck, HealthResult
from flowstone_pubsub import current, measures, tally
from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.base import EngineDown, Outgoing, Record
from flowstone_pubsub.envelope import encode_payload
from flowstone_pubsub.outbox import LIMIT
from flowstone_pubsub.patterns import RESERVED

PROBE_TOPIC: Final = f"{RESERVED}probe"
_SLOW_S: Final = 1.0
_FULL: Final = 0.8


def bus() -> HealthResult:
    """Publish a record that no wildcard covers, and read it back."""
    try:
        found = current.bus()
    except current.SwitchedOff as off:
        return HealthResult(message=str(off))
    except (ValueError, OSError) as error:
        return HealthResult(status="unhealthy", message=f"nothing is broadcast: {error}")
    began = monotonic()
    try:
        arrived = _probe(found)
    except EngineDown as error:
        return HealthResult(
            status="unhealthy",
            message=f"the log cannot be used; {found.outbox.depth} events wait ({type(error).__name__})",
            observed=_observed(found, None),
        )
    took = monotonic() - began
    if not arrived:
        return HealthResult(
            status="unhealthy",
            message="a record that was published could not be read back",
            observed=_observed(found, took),
        )
    return _judged(found, took)


def _probe(bus: Bus) -> bool:
    id, now = os.urandom(16).hex(), time_ns()
    newest = bus.engine.bounds()[1]
    bus.engine.publish([Outgoing(id, now, (PROBE_TOPIC,), encode_payload("probe", id, now, PROBE_TOPIC))])
    while page := bus.engine.read(newest, 256):
        if any(isinstance(item, Record) and item.id == id for item in page):
            return True
        last = page[-1]
        newest = last.seq if isinstance(last, Record) else last.last
    return False


def _judged(bus: Bus, took: float) -> HealthResult:
    lost = tally.total("lost")
    if bus.outbox.depth >= _FULL * LIMIT:
        message = f"{bus.outbox.depth} events wait to be broadcast, of {LIMIT} that may"
    elif took > _SLOW_S:
        message = f"a round trip took {took:.1f} s"
    elif lost:
        message = f"{lost} events were lost while the log could not be used"
    else:
        return HealthResult(observed=_observed(bus, took))
    return HealthResult(status="degraded", message=message, observed=_observed(bus, took))


def _observed(bus: Bus, took: float | None) -> dict[str, tuple[float, str]]:
    found = {
        "outbox": (float(bus.outbox.depth), "{message}"),
        "lag": (float(measures.lag(bus)), "{message}"),
        "subscribers": (float(len(bus.hub.boxes)), "{subscription}"),
    }
    if took is not None:
        found["round_trip"] = (took, "s")
    return found


CHECKS: Final = (HealthCheck(name="pubsub", look=bus, component="pub/sub", required=False),)
