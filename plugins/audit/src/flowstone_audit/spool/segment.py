"""A segment as its writer holds it: append-only, locked while the writer lives."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from flowstone_audit.spool import line, locks

synced: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)
"""Waits until the data of an open file is on the disk."""


def head(writer: str) -> bytes:
    """Return the first line of a segment."""
    return line.write(line.WRITER, 0, 0, orjson.dumps({"v": 1, "writer": writer}))


class Segment(locks.Held):
    """The file that a process appends to.

    It appears under its name only when it is locked and begun, so that nobody takes it for a dead
    writer's.

    Args:
        path: Where it is made.
        writer: Whose it is.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path, writer: str) -> None:
        self.path = path
        self.size = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        self.descriptor = os.open(
            draft, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            locks.take(self.descriptor)
            self.append([head(writer)])
            draft.rename(path)
            _sync_folder(path.parent)
        except BaseException:
            os.close(self.descriptor)
            with suppress(OSError):
                draft.unlink()
            raise

    def append(self, lines: list[bytes]) -> int:
        """Write *lines* in one call; return how many were written whole.

        A line of which only a part fits on the disk is taken back. Lines that are whole stay, for others may
        have read them already.

        Raises:
            OSError: Nothing could be written, or the part could not be taken back.
        """
        data = b"".join(lines)
        written = os.write(self.descriptor, data)
        if written == len(data):
            self.size += written
            return len(lines)
        whole = kept = 0
        for one in lines:
            if kept + len(one) > written:
                break
            kept += len(one)
            whole += 1
        os.ftruncate(self.descriptor, self.size + kept)
        self.size += kept
        return whole


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk too; not every file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
