"""Lines of a spool that the log could not take, kept beside it for whoever looks into it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".refused"
_MOST: Final = 4 << 20
"""Bytes of a writer that are kept; the gaps in the log tell of more all the same."""


def path_of(folder: Path, stem: str) -> Path:
    """Return the file for what was refused of a writer."""
    return folder / f"{stem}{_SUFFIX}"


def keep(folder: Path, stem: str, lines: Iterable[bytes]) -> None:
    """Add lines to the file, which nothing reads or removes again; not synced, for the gap in the log is.

    Where it cannot be written, they are lost: what comes behind them must not wait.
    """
    with suppress(OSError):
        path = path_of(folder, stem)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            left = _MOST - os.fstat(descriptor).st_size
            for one in lines:
                left -= len(one)
                if left < 0:
                    return
                os.write(descriptor, one)
        finally:
            os.close(descriptor)


def files(folder: Path) -> list[Path]:
    """Return the files that there are, by name."""
    return sorted(folder.glob(f"*{_SUFFIX}"))
