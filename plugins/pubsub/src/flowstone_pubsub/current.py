"""The bus of this process, as the settings name it: made when first needed, anew after a fork."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable
from typing import Final

from flowstone.plugin import count
from flowstone_pubsub import config
from flowstone_pubsub.bus import Bus, Speaker
from flowstone_pubsub.engines.base import EngineDown
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.payloads import Entry

_LOGGER: Final = logging.getLogger("flowstone.pubsub")
_EXIT_S: Final = 1.0


class SwitchedOff(Exception):
    """``FLOWSTONE_PUBSUB_URL`` is ``off``: there is nothing to subscribe to."""


class _Early(Speaker):
    """Takes what is broadcast by a thread that is making the bus: by a signal handler or destructor that came upon it."""

    def __init__(self) -> None:
        self.outbox = self
        self._kept: deque[Entry] = deque()

    def put(self, entry: Entry) -> None:
        """Leave one entry."""
        self._kept.append(entry)

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Leave several."""
        self._kept.extend(entries)

    def taken(self) -> list[Entry]:
        """Return what was left."""
        kept = list(self._kept)
        self._kept.clear()
        return kept


class _Current:
    """What belongs to this process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.making = threading.RLock()
        self.maker = 0  # the thread that is making the bus
        self.early = _Early()
        self.bus: Bus | None = None
        self.off = ""  # why there is none and will be none


_current = _Current()
_inherited: Final[list[_Current]] = []


def bus() -> Bus:
    """Return the bus of this process.

    Raises:
        SwitchedOff: The settings say that there is none.
        ValueError: A setting is malformed.
        OSError: The home folder cannot be made.
        EngineDown: The caller came upon the very thread that makes it, as a signal handler does.
    """
    found = _current.bus
    return found if found is not None else _make()


def peek() -> Bus | None:
    """Return the bus if there is one already."""
    return _current.bus


def bus_or_none() -> Speaker | None:
    """Return the bus, or what stands for it; None where there is none, for whatever reason: told once in the log."""
    mine = _current
    if mine.bus is not None:
        return mine.bus
    if mine.off:
        return None
    if mine.maker == threading.get_ident():
        return mine.early
    try:
        return _make()
    except SwitchedOff as error:
        mine.off = str(error)
    except (ValueError, OSError) as error:
        mine.off = str(error)
        count("pubsub.unusable")
        _LOGGER.warning("nothing is broadcast: %s", error)
    return None


def _make() -> Bus:
    mine = _current
    if mine.maker == threading.get_ident():
        raise EngineDown("this very thread is making the bus")
    with mine.making:
        if mine.bus is None:
            mine.maker = threading.get_ident()
            try:
                mine.bus = _made()
                mine.off = ""
            finally:
                mine.maker = 0
                early = mine.early.taken()
            if early:
                mine.bus.outbox.put_all(early)
        return mine.bus


def _made() -> Bus:
    settings = config.load()
    if settings.url is None:
        raise SwitchedOff("pub/sub is switched off: FLOWSTONE_PUBSUB_URL is off")
    return Bus(open_engine(settings.url, settings.retention), spans=settings.spans)


def close(timeout: float) -> bool:
    """Close the bus of this process; who needs one later gets another. The settings are read again then."""
    with _current.making:
        found, _current.bus = _current.bus, None
        _current.off = ""
    return found is None or found.close(timeout)


def _begin_anew() -> None:
    """Leave the parent's bus alone, for ever: its connections are the parent's."""
    global _current
    _inherited.append(_current)
    _current = _Current()


def _at_exit() -> None:
    if _current.pid == os.getpid():
        close(_EXIT_S)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
