"""Files that one process makes, whole, however many try at once."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex


def make(path: Path, content: bytes) -> bool:
    """Make the file *path* with *content*, mode 0600; return False where it is there already.

    Whoever sees the file sees all of it: it is written under another name first. Only where the
    file system has no hard links may it be seen empty for a moment.

    Raises:
        OSError: The file cannot be made.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{token_hex(4)}")
    try:
        _write(draft, content)
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        except OSError:
            return _make_in_place(path, content)
    finally:
        with suppress(OSError):
            draft.unlink()
    return True


def _make_in_place(path: Path, content: bytes) -> bool:
    try:
        _write(path, content)
    except FileExistsError:
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
