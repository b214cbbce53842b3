"""Mistakes in the settings: each told once in the log of the process, and kept for ``flowstone doctor``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from flowstone.runtime.stats import count

_LOGGER: Final = logging.getLogger("flowstone")
_found: Final[dict[str, str]] = {}
_hushed = False


def mistaken(name: str, what: str) -> None:
    """Tell that a setting, or a file of settings, cannot be used; the first time only.

    Args:
        name: The setting or the file.
        what: What is wrong, in a sentence that names it; without secrets.
    """
    if name in _found:
        return
    _found[name] = what  # before anything else: whoever handles the line may ask for settings too
    count(f"setting.malformed.{name}")
    if not _hushed:
        _LOGGER.warning("%s", what)


def found() -> Mapping[str, str]:
    """Return what was told so far, by setting or file."""
    return dict(_found)


def hush() -> None:
    """Write no more lines: who calls this shows what was found."""
    global _hushed
    _hushed = True


def forget() -> None:
    """Tell again what was told before. For tests."""
    global _hushed
    _hushed = False
    _found.clear()
