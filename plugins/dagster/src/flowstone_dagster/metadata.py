"""What the metadata of Dagster's events tell about volume."""

from __future__ import annotations

import stat as modes
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flowstone_dagster.wall import walled

ROWS: Final = "dagster/row_count"
"""Dagster's standard metadata key of the number of rows."""
PATH: Final = "path"
"""Where Dagster's file-based io managers tell the path."""


def entries(holder: object) -> Mapping[str, object]:
    """Return the metadata of an event's data or of a materialization."""
    found = getattr(holder, "metadata", None)
    return found if isinstance(found, Mapping) else {}


def rows(metadata: Mapping[str, object]) -> int | None:
    """Return the number of rows, where it is told."""
    value = _plain(metadata.get(ROWS))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@walled
def size(metadata: Mapping[str, object]) -> int | None:
    """Return the size of the file whose path is told."""
    told = metadata.get(PATH)
    path = getattr(told, "path", None) or _plain(told)
    return file_size(path) if isinstance(path, str) else None


def file_size(path: object) -> int | None:
    """Return the size of a local regular file; None for anything else (directories, URLs)."""
    text = str(path)
    if "://" in text:
        return None  # asking a remote store is not ours to do
    try:
        status = Path(text).stat()
    except (OSError, ValueError):
        return None
    return status.st_size if modes.S_ISREG(status.st_mode) else None


def _plain(value: object) -> object:
    return getattr(value, "value", value)
