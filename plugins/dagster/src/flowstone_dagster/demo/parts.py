"""The parts of the demo that further plugins show, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flowstone_dagster.demo import audited, live, outage
from flowstone_dagster.demo.part import Part, broken, skipped
from flowstone_dagster.demo.place import Place, UnusableError

Document = dict[str, Any]


class Watched:
    """The demo's runs, watched by what has to stand before they begin.

    Args:
        place: Where the demo keeps its files.
        correlation_id: Of the runs.
        subscriber: Who listens; None where there is no plugin for it.
    """

    def __init__(self, place: Place, correlation_id: str, subscriber: live.Subscriber | None) -> None:
        self._place = place
        self._correlation_id = correlation_id
        self._subscriber = subscriber

    def parts(self, trace: Document) -> list[Part]:
        """Return all parts, when both runs have ended.

        Args:
            trace: The document of ``flowstone trace --json``.
        """
        told = _shown(live.NAME, live.TITLE, lambda: self._listened(trace))
        with ExitStack() as ending:
            # Its server is slow to start, and can do so while the audit log is looked at.
            server = None
            if skipped(outage.NAME, outage.TITLE) is None:
                server = ending.enter_context(outage.HealthServer(self._place))
            kept = _shown(
                audited.NAME,
                audited.TITLE,
                lambda: audited.audited(self._place, self._correlation_id, trace),
            )
            turned = _shown(outage.NAME, outage.TITLE, lambda: _turned(server))
        return [kept, told, turned]

    def _listened(self, trace: Document) -> Part:
        assert self._subscriber is not None
        return self._subscriber.part(trace)


def _turned(server: outage.HealthServer | None) -> Part:
    assert server is not None
    return server.part()


@contextmanager
def watching(place: Place, correlation_id: str) -> Iterator[Watched]:
    """Watch the runs that happen inside of the block."""
    with ExitStack() as ending:
        there = skipped(live.NAME, live.TITLE) is None
        subscriber = ending.enter_context(live.Subscriber(place, correlation_id)) if there else None
        yield Watched(place, correlation_id, subscriber)


def _shown(name: str, title: str, show: Callable[[], Part]) -> Part:
    """Return the part; what goes wrong in it is told in its place, and takes no other part away."""
    absent = skipped(name, title)
    if absent is not None:
        return absent
    try:
        return show()
    except UnusableError as error:
        return broken(name, title, str(error))
