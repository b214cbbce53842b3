"""The fault wall: nothing of ours ever reaches a Dagster run."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from flowstone.plugin import count

P = ParamSpec("P")
R = TypeVar("R")

FAULTS: Final = "dagster.fault"
"""Counter of faults that stopped here."""

_log = logging.getLogger("flowstone.dagster")
_told: set[str] = set()


def walled(function: Callable[P, R]) -> Callable[P, R | None]:
    """Make *function* return None instead of raising; each fault is counted, the first of a kind logged."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return function(*args, **kwargs)
        except Exception:  # noqa: BLE001  # the wall
            _note(function.__qualname__)
            return None

    return guarded


def _note(where: str) -> None:
    try:
        count(FAULTS)
        if where not in _told:
            _told.add(where)
            _log.warning("flowstone: a fault in %s was kept from Dagster", where, exc_info=True)
    except Exception:  # noqa: BLE001, S110  # the wall's own last stone
        pass


def warn_once(key: str, message: str) -> None:
    """Log *message* once in this process."""
    if key not in _told:
        _told.add(key)
        _log.warning("flowstone: %s", message)
