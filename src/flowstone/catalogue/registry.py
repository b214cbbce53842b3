"""Which events exist: the built-in ones and those that plugins add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowstone.catalogue import names
from flowstone.catalogue.checkpoint import (
    CheckpointApproved,
    CheckpointRejected,
    CheckpointRequested,
    CheckpointTimeout,
)
from flowstone.catalogue.event import Event
from flowstone.catalogue.house import EventDropped, PluginFailed, PluginQuarantined
from flowstone.catalogue.io import (
    IoLoadException,
    IoLoadStart,
    IoLoadStop,
    IoStoreException,
    IoStoreStart,
    IoStoreStop,
)
from flowstone.catalogue.materialization import (
    MaterializationException,
    MaterializationStart,
    MaterializationStop,
)
from flowstone.catalogue.resource import ResourceHealthCheck
from flowstone.catalogue.run import RunException, RunHeartbeat, RunStart, RunStop
from flowstone.catalogue.sensor import SensorPoll, SensorTrigger

_BUILTIN: tuple[type[Event], ...] = (
    MaterializationStart,
    MaterializationStop,
    MaterializationException,
    IoLoadStart,
    IoLoadStop,
    IoLoadException,
    IoStoreStart,
    IoStoreStop,
    IoStoreException,
    CheckpointRequested,
    CheckpointApproved,
    CheckpointRejected,
    CheckpointTimeout,
    ResourceHealthCheck,
    SensorPoll,
    SensorTrigger,
    RunStart,
    RunStop,
    RunException,
    RunHeartbeat,
    PluginFailed,
    PluginQuarantined,
    EventDropped,
)


def builtin_events() -> tuple[type[Event], ...]:
    """Return the classes of the built-in events, in the order of the reference page."""
    return _BUILTIN


def name_of(cls: type[Event]) -> str:
    """Return the event name of an event class."""
    return str(cls.__dataclass_fields__["name"].default)


class Catalogue:
    """The events of one process, by name; open for the events of plugins."""

    def __init__(self) -> None:
        self._by_name: dict[str, type[Event]] = {name_of(cls): cls for cls in _BUILTIN}

    def __iter__(self) -> Iterator[type[Event]]:
        return iter(tuple(self._by_name.values()))

    def get(self, name: str) -> type[Event] | None:
        """Return the class of the event called *name* (canonical spelling), if there is one."""
        return self._by_name.get(name)

    def names(self) -> list[str]:
        """Return the names of all events."""
        return list(self._by_name)

    def add(self, events: Iterable[type[Event]]) -> None:
        """Add a plugin's events.

        Raises:
            ValueError: An event's name is malformed, or taken by another class.
        """
        for cls in events:
            name = name_of(cls)
            if not names.is_name(name):
                raise ValueError(f"{name!r} is not an event name; use @event(subject=...) on {cls.__name__}")
            taken = self._by_name.get(name)
            if taken is not None and taken is not cls:
                raise ValueError(f"event {name!r} is already defined by {taken.__module__}.{taken.__name__}")
            self._by_name[name] = cls

    def remove(self, events: Iterable[type[Event]]) -> None:
        """Take a plugin's events back; built-in ones stay."""
        for cls in events:
            if cls not in _BUILTIN and self._by_name.get(name_of(cls)) is cls:
                del self._by_name[name_of(cls)]
