"""Handlers that are attached by hand: ``flowstone.telemetry.attach``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from flowstone.catalogue.event import Event
from flowstone.dispatch.compiled import Implementation

Handler = Callable[[Event], object]
_ordinals = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Attached:
    """A handler and what it listens to.

    Attributes:
        id: The name it was attached under.
        events: Canonical event names; empty means all.
        handler: Called with one event, from the drain; or, where it has a method ``batch``, that
            with several at once, and where it has ``settle``, that at the end of each round.
        listener: The name under which its conduct is kept.
    """

    id: str
    events: frozenset[str]
    handler: Handler
    listener: str = field(default="")


class Handlers:
    """The attached handlers of a process, in order of attachment.

    Args:
        on_failure: Told of a handler that raised, with its id; the handler is detached.
        on_change: Called when who listens has changed.
    """

    def __init__(
        self, on_failure: Callable[[str, BaseException], None], on_change: Callable[[], None]
    ) -> None:
        self._on_failure = on_failure
        self._on_change = on_change
        self._active: dict[str, Attached] = {}
        self._taken: dict[str, Attached] = {}

    def reserve(self, id: str, events: Collection[str], handler: Handler) -> Attached:
        """Take *id*; the handler hears nothing before it is activated.

        Raises:
            ValueError: The id is taken.
        """
        if id in self._taken:
            raise ValueError(
                f"a handler with id {id!r} is already attached; detach it first or use another id"
            )
        attached = Attached(id, frozenset(events), handler, f"handler:{id}#{next(_ordinals)}")
        self._taken[id] = attached
        return attached

    def activate(self, attached: Attached) -> None:
        """Let *attached* hear what comes from now on, unless it was taken out meanwhile."""
        if self._taken.get(attached.id) is attached:
            self._active = {**self._active, attached.id: attached}
            self._on_change()

    def remove(self, id: str) -> bool:
        """Take a handler out; return whether there was one."""
        found = self._taken.pop(id, None)
        if self._active.get(id) is not None:
            self._active = {key: value for key, value in self._active.items() if key != id}
            self._on_change()
        return found is not None

    def listeners(self) -> list[Implementation]:
        """Return the active handlers as listeners of batches."""
        return [
            Implementation(one.listener, self._deliverer(one), takes=True) for one in self._active.values()
        ]

    def settlers(self) -> list[Implementation]:
        """Return the active handlers that gather and settle."""
        return [
            Implementation(one.listener, self._settler(one, settle), takes=False)
            for one in self._active.values()
            if (settle := getattr(one.handler, "settle", None)) is not None
        ]

    def _settler(self, attached: Attached, settle: Callable[[], object]) -> Callable[[], None]:
        def call() -> None:
            try:
                settle()
            except BaseException as error:  # a handler's fault stays with the handler
                self._fault(attached, error)

        return call

    def _fault(self, attached: Attached, error: BaseException) -> None:
        self.remove(attached.id)
        self._on_failure(attached.id, error)

    def _deliverer(self, attached: Attached) -> Callable[[Sequence[Event]], None]:
        handler, at_once = attached.handler, getattr(attached.handler, "batch", None)

        def deliver(batch: Sequence[Event]) -> None:
            wanted = [event for event in batch if event.name in attached.events] if attached.events else batch
            try:
                if at_once is not None and wanted and self._active.get(attached.id) is attached:
                    at_once(wanted)
                    return
                known = None
                for event in wanted:
                    if known is not self._active:  # it was replaced by whoever attached or detached meanwhile
                        known = self._active
                        if known.get(attached.id) is not attached:
                            return
                    handler(event)
            except BaseException as error:  # a handler's fault stays with the handler
                self._fault(attached, error)

        return deliver

    def list(self) -> list[Attached]:
        """Return the handlers, in order of attachment."""
        return list(self._taken.values())
