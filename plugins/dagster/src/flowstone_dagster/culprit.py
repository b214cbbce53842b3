"""Which resource failed to initialise: Dagster's event names all that it tried."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import TypeVar

from flowstone_dagster.tap import Tap

T = TypeVar("T")
R = TypeVar("R")


class _Noted(threading.local):
    name: str | None = None


_noted = _Noted()


def noting(name: str, setting_up: Generator[T, object, R]) -> Generator[T, object, R]:
    """Run the set-up of resource *name*, and remember the name if it raises before the resource is there."""
    made: list[T] = []
    try:
        return (yield from Tap(setting_up, made.append))
    except BaseException:
        if not made:
            _noted.name = name
        raise
    finally:
        made.clear()  # the resource must not live longer for us


def take() -> str | None:
    """Return the resource that failed last in this thread, once."""
    name, _noted.name = _noted.name, None
    return name
