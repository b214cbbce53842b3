"""When a log of this home was last verified as a whole, kept as the time of a file, so that an alert can ask."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from time import time

from flowstone_audit.config import Config


def note(settings: Config) -> None:
    """Keep that the whole log was verified now, and nothing was found; a home that cannot be written keeps nothing."""
    with suppress(OSError):
        _file(settings).touch()


def age(settings: Config) -> float | None:
    """Return the seconds since then; None where it never was from this home."""
    try:
        return max(time() - _file(settings).stat().st_mtime, 0.0)
    except OSError:
        return None


def _file(settings: Config) -> Path:
    return settings.folder / "verified"
