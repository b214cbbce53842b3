"""The bus of this process, as the settings name it: made when first needed, anew after a fork."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import Final

from flowstone.plugin import count
from flowstone_pubsub import config
from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.opening import open_engine

_LOGGER: Final = logging.getLogger("flowstone.pubsub")
_EXIT_S: Final = 1.0


class SwitchedOff(Exception):
    """``FLOWSTONE_PUBSUB_URL`` is ``off``: there is nothing to subscribe to."""


class _Current:
    """What belongs to this process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.making = threading.Lock()
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
    """
    found = _current.bus
    return found if found is not None else _make()


def peek() -> Bus | None:
    """Return the bus if there is one already."""
    return _current.bus


def bus_or_none() -> Bus | None:
    """Return the bus; None where there is none, for whatever reason: told once in the log of the process."""
    if _current.bus is not None:
        return _current.bus
    if _current.off:
        return None
    try:
        return _make()
    except SwitchedOff as error:
        _current.off = str(error)
    except (ValueError, OSError) as error:
        _current.off = str(error)
        count("pubsub.unusable")
        _LOGGER.warning("nothing is broadcast: %s", error)
    return None


def _make() -> Bus:
    with _current.making:
        if _current.bus is None:
            settings = config.load()
            if settings.url is None:
                raise SwitchedOff("pub/sub is switched off: FLOWSTONE_PUBSUB_URL is off")
            _current.bus = Bus(open_engine(settings.url, settings.retention), spans=settings.spans)
            _current.off = ""
        return _current.bus


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
