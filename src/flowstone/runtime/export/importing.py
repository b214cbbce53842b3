"""Importing in threads, of which several begin with the same packages at the same time.

Where two threads would wait for each other's imports, Python lets one of them see a module half made; its import
fails, takes modules back that the other one is at, and that one may fail as well. So ours import one at a time,
and where the user's own thread was at the same packages, once more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import sleep
from typing import Final, TypeVar

_T = TypeVar("_T")

TRIES: Final = 40
_PAUSE_S: Final = 0.05

_one_at_a_time = threading.RLock()


def _forked() -> None:
    global _one_at_a_time
    _one_at_a_time = threading.RLock()  # a thread that had the other one is not in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def patient(load: Callable[[], _T]) -> _T:
    """Return what *load*, which imports, returns; it is called again where another thread was at the same modules.

    Args:
        load: What imports.

    Raises:
        Exception: Whatever *load* raises otherwise, or still after two seconds.
    """
    left = TRIES
    while True:
        left -= 1
        try:
            with _one_at_a_time:
                return load()
        except (ImportError, AttributeError, KeyError) as error:
            if not left or not _is_of_two_imports(error):
                raise
        sleep(_PAUSE_S)


def _is_of_two_imports(error: Exception) -> bool:
    """Tell whether an error is that of a module that another thread makes, or took back."""
    if isinstance(error, KeyError):  # of sys.modules
        return str(error.args[0]).startswith("opentelemetry.")
    return "partially initialized module" in str(error)
