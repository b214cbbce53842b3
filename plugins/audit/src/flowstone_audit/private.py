"""Files that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import URL


def make_private(url: URL) -> None:
    """Make the file of a SQLite URL, mode 0600, where there is none; SQLite's own beside it take its mode over.

    Raises:
        OSError: It cannot be made.
    """
    path = Path(url.database or "")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Never on a file that exists: closing any handle to it would drop this process's locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Make a file, mode 0600, and yield it open; it is removed again where the block, or closing it, fails.

    Its folder is made where there is none.

    Raises:
        FileExistsError: It is there.
        OSError: It cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b", buffering=1 << 20) as opened:
            yield opened
    except BaseException:
        path.unlink(missing_ok=True)
        raise
