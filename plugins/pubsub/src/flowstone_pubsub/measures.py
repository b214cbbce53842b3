"""The metrics of pub/sub, read when metrics are.

Names follow OpenTelemetry's conventions for messaging (https://opentelemetry.io/docs/specs/semconv/messaging/). A
topic is never a label, for there is one for each run: its template is, such as ``run:{id}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final

from flowstone.plugin import Measure, stats
from flowstone_pubsub import current, tally
from flowstone_pubsub.bus import Bus

_Series = Iterable[tuple[tuple[str, ...], float]]
_TEMPLATE: Final = "messaging.destination.template"
_SYSTEM: Final = "messaging.system"


def _counted(kind: tally.Kind) -> Callable[[], _Series]:
    return lambda: [((label,), float(number)) for label, number in tally.of(kind).items()]


def _of_engine(kind: tally.Kind) -> Callable[[], _Series]:
    def read() -> _Series:
        bus = current.peek()
        system = "" if bus is None else bus.engine.name
        return [((system, label), float(number)) for label, number in tally.of(kind).items()]

    return read


def _of_bus(look: Callable[[Bus], float]) -> Callable[[], _Series]:
    def read() -> _Series:
        bus = current.peek()
        return [] if bus is None else [((bus.engine.name,), look(bus))]

    return read


def _dropped() -> _Series:
    bus = current.peek()
    for box in () if bus is None else bus.hub.boxes:
        if dropped := box.newly_dropped():
            tally.add("dropped", box.policy, dropped)
    return _counted("dropped")()


def _reconnects() -> _Series:
    bus = current.peek()
    found = stats().get("pubsub.reconnects", 0)
    return [] if bus is None else [((bus.engine.name,), float(found))]


def depth(bus: Bus) -> float:
    """Return how many messages wait for the slowest subscription of a bus."""
    return float(max((len(box) for box in bus.hub.boxes), default=0))


def delay(bus: Bus) -> float:
    """Return for how many seconds the engine of a bus has taken nothing; 0 while it works."""
    since = bus.outbox.failing_since
    return monotonic() - since if since else 0.0


MEASURES: Final = (
    Measure(
        name="messaging.client.sent.messages",
        kind="counter",
        unit="{message}",
        description="Messages that this process has put into the log.",
        labels=(_SYSTEM, _TEMPLATE),
        read=_of_engine("sent"),
    ),
    Measure(
        name="messaging.client.consumed.messages",
        kind="counter",
        unit="{message}",
        description="Messages that subscriptions of this process have taken.",
        labels=(_SYSTEM, _TEMPLATE),
        read=_of_engine("consumed"),
    ),
    Measure(
        name="flowstone.pubsub.dropped",
        kind="counter",
        unit="{message}",
        description="Messages that subscriptions did not take in time, by policy; each was told as a gap.",
        labels=("flowstone.policy",),
        read=_dropped,
    ),
    Measure(
        name="flowstone.pubsub.gaps",
        kind="counter",
        unit="{gap}",
        description="Gaps that subscriptions were told of, by reason.",
        labels=("flowstone.reason",),
        read=_counted("gaps"),
    ),
    Measure(
        name="flowstone.pubsub.lost",
        kind="counter",
        unit="{message}",
        description="Messages that never reached the log, because it took nothing for too long.",
        labels=(_SYSTEM,),
        read=_counted("lost"),
    ),
    Measure(
        name="flowstone.pubsub.encoded",
        kind="counter",
        unit="By",
        description="Bytes of envelopes that this process has put into the log.",
        labels=(_SYSTEM,),
        read=_counted("encoded"),
    ),
    Measure(
        name="flowstone.pubsub.outbox.depth",
        kind="updowncounter",
        unit="{message}",
        description="Messages on their way into the log.",
        labels=(_SYSTEM,),
        read=_of_bus(lambda bus: float(bus.outbox.depth)),
    ),
    Measure(
        name="flowstone.pubsub.outbox.delay",
        kind="gauge",
        unit="s",
        description="For how long the engine has taken nothing; 0 while it works.",
        labels=(_SYSTEM,),
        read=_of_bus(delay),
    ),
    Measure(
        name="flowstone.pubsub.queue.depth",
        kind="gauge",
        unit="{message}",
        description="Messages that wait for the slowest subscription of this process.",
        labels=(_SYSTEM,),
        read=_of_bus(depth),
    ),
    Measure(
        name="flowstone.pubsub.subscribers",
        kind="updowncounter",
        unit="{subscription}",
        description="Subscriptions of this process.",
        labels=(_SYSTEM,),
        read=_of_bus(lambda bus: float(len(bus.hub.boxes))),
    ),
    Measure(
        name="flowstone.pubsub.lag",
        kind="gauge",
        unit="{message}",
        description="How far the slowest subscription of this process that reads the log itself is behind its end.",
        labels=(_SYSTEM,),
        read=_of_bus(lambda bus: float(lag(bus))),
    ),
    Measure(
        name="flowstone.pubsub.reconnects",
        kind="counter",
        unit="{attempt}",
        description="Times that following the log was interrupted and taken up again.",
        labels=(_SYSTEM,),
        read=_reconnects,
    ),
)


def lag(bus: Bus) -> int:
    """Return how many records the slowest reading subscription of a bus is behind the hub."""
    head = bus.hub.head
    return max((head - box.cursor for box in bus.hub.boxes if not box.live), default=0)
