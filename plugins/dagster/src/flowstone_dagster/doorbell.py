"""Wait for ``import dagster``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class Doorbell:
    """A finder that finds nothing itself, but rings whenever somebody looks for Dagster.

    It stays until it is removed: who looks need not import (``python -m dagster`` looks twice).

    Args:
        answer: Called each time; does not raise.
    """

    def __init__(self, answer: Callable[[], None]) -> None:
        self._answer = answer
        self._asking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer when Dagster is looked for."""
        if fullname != "dagster" or self._asking:
            return None
        self._asking = True
        try:
            self._answer()
            import importlib.util  # late: no interpreter shall pay for it at its start

            # Finders that the answer has put in stand before the place that the import system
            # has reached; so the question is asked again, from the start.
            return importlib.util.find_spec("dagster")
        except Exception:  # noqa: BLE001  # fault wall: the import system goes on without us
            return None
        finally:
            self._asking = False


def remove() -> None:
    """Stop waiting."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Doorbell)]


def wait(answer: Callable[[], None]) -> None:
    """Call *answer* whenever Dagster is looked for, or at once where it is imported already."""
    remove()
    if "dagster" in sys.modules:
        answer()
    else:
        sys.meta_path.insert(0, Doorbell(answer))
