"""A segment as its writer holds it: append-only, locked while the writer lives."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
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
        lines: What it holds from the beginning, on the disk before it has its name.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path, writer: str, lines: Sequence[bytes] = ()) -> None:
        self.path = path
        self.size = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        self.descriptor = os.open(
            draft, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            locks.take(self.descriptor)
            begun = [head(writer), *lines]
            if self.append(begun) < len(begun):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            if lines:
                synced(self.descriptor)
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

    def has_name(self) -> bool:
        """Tell whether the file has a name still, whichever; cheap enough for each append."""
        return os.fstat(self.descriptor).st_nlink > 0

    def is_there(self) -> bool:
        """Tell whether the file is the one at its path, where others find it.

        Raises:
            OSError: That cannot be known.
        """
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return os.path.samestat(found, os.fstat(self.descriptor))

    def lines(self, offset: int) -> list[bytes]:
        """Return the lines from *offset* on, without the first of the file; its name may be gone."""
        size, begin = self.size, offset
        data = b""
        while begin < size and (read := os.pread(self.descriptor, size - begin, begin)):
            data += read
            begin += len(read)
        found = [one + b"\n" for one in data.split(b"\n")[:-1]]
        return found if offset else found[1:]


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
